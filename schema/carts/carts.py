from datetime import datetime
from typing import Annotated

import strawberry

import models
from resolvers.carts import carts as resolve
from schema.backing import backed_by, column
from schema.catalog.products import Product
from schema.fields import key, money
from schema.problems import InvalidInput, NotFound, Problem, VersionConflict
from schema.scalars import Money
from schema.stores.stores import NotServiceable
from services.carts import carts, priced_carts, totals


@backed_by(totals.Quote, "Every sum of a basket; total = items + fees + tip - discount.")
class Quote:
    items: Money = money("items_minor", "The goods, tax included.")
    delivery_fee: Money = money("delivery_fee_minor", "For bringing them; zero when it is free.")
    small_order_fee: Money = money("small_order_fee_minor", "For a basket below the threshold.")
    discount: Money = money("discount_minor", "What is taken off.")
    tip: Money = money("tip_minor", "For the rider; not taxed.")
    tax_included: Money = money(
        "tax_minor",
        "The tax inside goods and fees: gross * rate / (1 + rate), rounded half up.",
    )
    total: Money = money("total_minor", "What there is to pay.")
    headroom: Money = money(
        "headroom_minor",
        "What is held beyond the total, for what may turn out heavier than estimated.",
    )
    minimum_order: Money = money("minimum_order_minor", "What the goods must be worth at least.")
    minimum_reached: bool = column("Whether they are.")
    missing: Money = money("missing_minor", "What the goods lack to the minimum order.")


@backed_by(priced_carts.PricedCartLine, "A product in a cart.")
class CartLine:
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Product | None = column("The product; null when this store does not list it.")
    quantity: int = column("How many are wanted.")
    substitution: models.Substitution = column("What to do when it is short.")
    unit_price: Money | None = money("unit_price_minor", "What one costs here and now.")
    total: Money | None = money("total_minor", "What the line costs here and now.")
    availability: models.Availability = column("How much of it this store has.")
    problem: models.CartProblem | None = column("Why it can't be ordered as it stands.")
    orderable_quantity: int = column("How many of those wanted could be ordered now.")


@backed_by(
    priced_carts.PricedCart, "What you are about to buy, priced in the store that serves you."
)
class Cart:
    id: strawberry.ID | None = key(models.Cart, "The opaque id; null until something was put in.")
    version: int = column("Grows with each change: pass it as expectedVersion.")
    updated_at: datetime | None = column("When it was last changed.")
    lines: list[CartLine] = column("At most 100, the first put in first.")
    quote: Quote = column("Every sum, of the lines that have a price here.")
    orderable: bool = column("Whether it could be ordered as it stands.")


@backed_by(carts.QuantityOutOfRange, "A quantity that no line can hold.")
class QuantityOutOfRange(Problem):
    most: int = column("The most that a line holds.")


@backed_by(carts.LineLimit, "More lines than a cart can hold.")
class LineLimit(Problem):
    most: int = column("The most that a cart holds.")


CartLinesSetError = Annotated[
    NotFound | InvalidInput | QuantityOutOfRange | LineLimit | NotServiceable | VersionConflict,
    strawberry.union("CartLinesSetError", description="Why the cart stays as it is."),
]


@backed_by(resolve.CartOutcome, "What cartLinesSet did.")
class CartLinesSetPayload:
    cart: Cart | None = column("The cart as it is now.")
    errors: list[CartLinesSetError] = column("Every reason why nothing was done.")
