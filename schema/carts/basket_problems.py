"""Errors of orders and checkouts that concern the basket."""

import strawberry

from models.catalog import Product
from models.ids import encode_id
from resolvers.shared_inputs import SafeInt
from schema.backing import backed_by, column, derived
from schema.fields import id_field
from schema.problems import ProblemType
from services.carts import age_restrictions, basket_problems, carts
from services.core import request_batcher


@backed_by(basket_problems.EmptyCart, "The cart is empty.")
class EmptyCartType(ProblemType):
    pass


@backed_by(basket_problems.ProductUnavailable, "The store does not sell this product, or not now.")
class ProductUnavailableType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")


@backed_by(
    basket_problems.InsufficientStock, "The store has fewer units of a product than requested."
)
class InsufficientStockType(ProblemType):
    product_id: strawberry.ID = id_field(Product, "The product.", by="product_id")
    available: int = column(
        "Available units. Customers see 0 to 9 as it is, then 10, 20 or 50, which means as many or"
        " more."
    )


def _product_ids(
    problem: age_restrictions.AgeConfirmationRequired | age_restrictions.TooYoung,
) -> list[str]:
    return [encode_id(Product, key) for key in problem.product_ids]


@backed_by(
    age_restrictions.AgeConfirmationRequired,
    "A product is not sold to minors: customers confirm their age with `ageConfirmed`, or show a"
    " document at the counter (`ageCheck`).",
)
class AgeConfirmationRequiredType(ProblemType):
    minimum_age: int = column("The minimum age.")
    product_ids: list[strawberry.ID] = derived(
        lambda _context: _product_ids, "The products that are not sold to minors."
    )


@backed_by(
    age_restrictions.TooYoung,
    "By the document that was checked the customer is too young: these products are not sold to"
    " them.",
)
class TooYoungType(ProblemType):
    minimum_age: int = column("The minimum age.")
    product_ids: list[strawberry.ID] = derived(
        lambda _context: _product_ids, "The products that are not sold to minors."
    )


@backed_by(
    basket_problems.BelowMinimumOrder, "The goods are worth less than the company's minimum order."
)
class BelowMinimumOrderType(ProblemType):
    minimum_minor: SafeInt = column("The minimum in minor units.")
    missing_minor: SafeInt = column("Amount missing to the minimum, in minor units.")
    currency: str = column("The ISO 4217 code of the currency.")


@backed_by(
    basket_problems.DeliveryEstimateChanged,
    "The order would take longer than the promise that was shown.",
)
class DeliveryEstimateChangedType(ProblemType):
    current_p50_seconds: int = column("Half of such orders arrive within this number of seconds.")
    current_p90_seconds: int = column("90 % of such orders arrive within this number of seconds.")


@backed_by(basket_problems.TotalChanged, "The total is no longer the one that was shown.")
class TotalChangedType(ProblemType):
    current_minor: SafeInt = column("The current total, in minor units.")
    currency: str = column("The ISO 4217 code of the currency.")


@backed_by(
    request_batcher.ServiceOverloaded, "Too many orders are being placed at the moment: try again."
)
class ServiceOverloadedType(ProblemType):
    retry_after_seconds: int = column("Seconds after which to try again.")


@backed_by(carts.LineLimit, "More lines than a cart or an order can have.")
class LineLimitType(ProblemType):
    limit: int = column("The maximum number of lines.")
