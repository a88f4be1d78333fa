"""Errors of orders and checkouts that concern the basket."""

import strawberry

from models.catalog import Product
from models.ids import encode_id
from resolvers.shared_inputs import BigInt
from schema.backing import backed_by, column, derived
from schema.fields import id_field
from schema.problems import ProblemType
from services.carts import basket_problems
from services.core import request_batcher


@backed_by(basket_problems.EmptyCart, "There is nothing to order.")
class EmptyCartType(ProblemType):
    pass


@backed_by(basket_problems.ProductUnavailable, "The store doesn't sell that product, or not now.")
class ProductUnavailableType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")


@backed_by(basket_problems.InsufficientStock, "The store has too few of a product.")
class InsufficientStockType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    available: int = column(
        "How many units there are; customers are told 9 at most, to whom 9 means 9 or more."
    )


def _product_ids(problem: basket_problems.AgeConfirmationRequired) -> list[str]:
    return [encode_id(Product, key) for key in problem.product_ids]


@backed_by(
    basket_problems.AgeConfirmationRequired,
    "Something is not sold to minors: confirm the customer's age by `ageConfirmed`.",
)
class AgeConfirmationRequiredType(ProblemType):
    minimum_age: int = column("The age that it takes.")
    product_ids: list[strawberry.ID] = derived(
        lambda _context: _product_ids, "The products that are not sold to minors."
    )


@backed_by(
    basket_problems.BelowMinimum, "The goods are worth less than the company's minimum order."
)
class BelowMinimumType(ProblemType):
    minimum_minor: BigInt = column("The minimum in minor units.")
    missing_minor: BigInt = column("What is missing to it in minor units.")
    currency: str = column("The ISO 4217 code of the currency.")


@backed_by(basket_problems.PriceChanged, "The total is no longer the one that was shown.")
class PriceChangedType(ProblemType):
    current_minor: BigInt = column("The total that stands now, in minor units.")
    currency: str = column("The ISO 4217 code of the currency.")


@backed_by(request_batcher.Busy, "Too many are buying at this moment: ask again.")
class BusyType(ProblemType):
    retry_after_seconds: int = column("Seconds until it is worth asking again.")
