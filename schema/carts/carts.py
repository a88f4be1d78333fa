from datetime import datetime
from typing import Annotated

import strawberry

from models.carts import Cart, CartProblem, Substitution
from models.catalog import Availability, Product
from resolvers.carts import carts as resolve
from schema.backing import backed_by, column
from schema.catalog.products import ProductType
from schema.fields import id_field, money_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from schema.scalars import MoneyType
from schema.stores.stores import NotServiceableType
from services.carts import carts, priced_carts, totals


@backed_by(totals.CartTotals, "Every sum of a basket; total = items + fees + tip - discount.")
class QuoteType:
    items: MoneyType = money_field("items_minor", "The goods, tax included.")
    delivery_fee: MoneyType = money_field(
        "delivery_fee_minor", "For bringing them; zero when it is free."
    )
    small_order_fee: MoneyType = money_field(
        "small_order_fee_minor", "For a basket below the threshold."
    )
    discount: MoneyType = money_field("discount_minor", "What is taken off.")
    tip: MoneyType = money_field("tip_minor", "For the rider; not taxed.")
    tax_included: MoneyType = money_field(
        "tax_minor",
        "The tax inside goods and fees: gross * rate / (1 + rate), rounded half up.",
    )
    total: MoneyType = money_field("total_minor", "What there is to pay.")
    headroom: MoneyType = money_field(
        "headroom_minor",
        "What is held beyond the total, for what may turn out heavier than estimated.",
    )
    minimum_order: MoneyType = money_field(
        "minimum_order_minor", "What the goods must be worth at least."
    )
    minimum_reached: bool = column("Whether they are.")
    missing: MoneyType = money_field("missing_minor", "What the goods lack to the minimum order.")


@backed_by(priced_carts.PricedCartLine, "A product in a cart.")
class CartLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: ProductType | None = column("The product; null when this store does not list it.")
    quantity: int = column("How many are wanted.")
    substitution: Substitution = column("What to do when it is short.")
    unit_price: MoneyType | None = money_field("unit_price_minor", "What one costs here and now.")
    total: MoneyType | None = money_field("total_minor", "What the line costs here and now.")
    availability: Availability = column("How much of it this store has.")
    problem: CartProblem | None = column("Why it can't be ordered as it stands.")
    orderable_quantity: int = column("How many of those wanted could be ordered now.")


@backed_by(
    priced_carts.PricedCart, "What you are about to buy, priced in the store that serves you."
)
class CartType:
    id: strawberry.ID | None = id_field(Cart, "The opaque id; null until something was put in.")
    version: int = column("Grows with each change: pass it as expectedVersion.")
    updated_at: datetime | None = column("When it was last changed.")
    lines: list[CartLineType] = column("At most 100, the first put in first.")
    quote: QuoteType = column("Every sum, of the lines that have a price here.")
    pickup_quote: QuoteType | None = column(
        "Every sum when you collect the order from the store; null where it offers no pickup."
    )
    orderable: bool = column("Whether it could be ordered as it stands.")


@backed_by(carts.QuantityOutOfRange, "A quantity that no line can hold.")
class QuantityOutOfRangeType(ProblemType):
    most: int = column("The most that a line holds.")


@backed_by(carts.LineLimit, "More lines than a cart can hold.")
class LineLimitType(ProblemType):
    most: int = column("The most that a cart holds.")


CartLinesSetError = Annotated[
    NotFoundType
    | InvalidInputType
    | QuantityOutOfRangeType
    | LineLimitType
    | NotServiceableType
    | VersionConflictType,
    strawberry.union("CartLinesSetError", description="Why the cart stays as it is."),
]


@backed_by(resolve.CartOutcome, "What cartLinesSet did.")
class CartLinesSetPayload:
    cart: CartType | None = column("The cart as it is now.")
    errors: list[CartLinesSetError] = column("Every reason why nothing was done.")
