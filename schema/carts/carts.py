from datetime import datetime
from typing import Annotated

import strawberry

from models.carts import Cart, CartLineIssue, SubstitutionPreference
from models.catalog import Availability, Product
from resolvers.carts import carts as resolve
from schema.backing import backed_by, column
from schema.carts.basket_problems import LineLimitType
from schema.catalog.products import ProductType
from schema.fields import id_field, money_field
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from schema.scalars import MoneyType
from schema.stores.stores import NotServiceableType
from services.carts import carts, priced_carts, totals


@backed_by(totals.CartTotals, "The totals of a cart: total = items + fees + tip - discount.")
class CartTotalsType:
    subtotal: MoneyType = money_field("subtotal_minor", "Price of the goods, tax included.")
    delivery_fee: MoneyType = money_field(
        "delivery_fee_minor", "Delivery fee; zero if delivery is free."
    )
    small_order_fee: MoneyType = money_field("small_order_fee_minor", "Fee for small orders.")
    discount: MoneyType = money_field("discount_minor", "Discount.")
    tip: MoneyType = money_field("tip_minor", "Tip for the rider; not taxed.")
    tax: MoneyType = money_field(
        "tax_minor",
        "The tax that goods and fees include: gross * rate / (1 + rate), rounded half up.",
    )
    total: MoneyType = money_field("total_minor", "Total to pay.")
    authorization_buffer: MoneyType = money_field(
        "authorization_buffer_minor",
        "Amount that is authorized beyond the total, for goods that may be heavier than estimated.",
    )
    minimum_order: MoneyType = money_field("minimum_order_minor", "Minimum value of the goods.")
    minimum_reached: bool = column("Whether the minimum is met.")
    amount_to_minimum: MoneyType = money_field(
        "amount_to_minimum_minor", "Amount missing to the minimum order."
    )


@backed_by(priced_carts.PricedCartLine, "A product in a cart.")
class CartLineType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: ProductType | None = column("The product; null when this store does not list it.")
    quantity: int = column("Requested quantity.")
    substitution_preference: SubstitutionPreference = column(
        "What to do if units are missing at picking."
    )
    unit_price: MoneyType | None = money_field(
        "unit_price_minor", "Current unit price in this store."
    )
    total: MoneyType | None = money_field("total_minor", "Current price of the line in this store.")
    availability: Availability = column("Its availability in this store.")
    issue: CartLineIssue | None = column("Why it cannot be ordered now; null if it can.")
    orderable_quantity: int = column(
        "How many of the requested units can be ordered now: 0 to 9 as it is, then all of them, or"
        " 10, 20 or 50, which means as many or more."
    )


@backed_by(
    priced_carts.PricedCart, "The customer's cart, priced in the store that serves the location."
)
class CartType:
    id: strawberry.ID | None = id_field(Cart, "The opaque id; null until a product was added.")
    version: int = column("Increases with each change; pass it as expectedVersion.")
    updated_at: datetime | None = column("When it was last changed.")
    lines: list[CartLineType] = column(
        "In the order in which they were added. At most 100, but up to 200 once the cart of a guest"
        " was merged into it: then lines can only be removed, and it can't be ordered, until"
        " there are 100."
    )
    totals: CartTotalsType = column("Totals of the lines that have a price in this store.")
    pickup_totals: CartTotalsType | None = column(
        "Totals if the order is collected from the store; null if the store offers no pickup."
    )
    ready_for_checkout: bool = column("Whether it can be ordered now.")


@backed_by(carts.QuantityOutOfRange, "The quantity of a line is out of range.")
class QuantityOutOfRangeType(ProblemType):
    limit: int = column("The maximum quantity of a line.")


CartLinesSetError = Annotated[
    NotFoundType
    | InvalidInputType
    | QuantityOutOfRangeType
    | LineLimitType
    | NotServiceableType
    | VersionConflictType,
    strawberry.union("CartLinesSetError", description="Problems that `cartLinesSet` can return."),
]


@backed_by(resolve.CartOutcome, "Result of `cartLinesSet`.")
class CartLinesSetPayload:
    cart: CartType | None = column("The cart as it is now.")
    errors: list[CartLinesSetError] = column("The problems; empty if the mutation succeeded.")
