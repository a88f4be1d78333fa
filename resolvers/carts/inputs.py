import strawberry

from models.carts import Substitution
from models.catalog import Product
from resolvers.shared_inputs import GeoPointInput
from services.carts.carts import CartLineChange
from services.core.problems import parse_id


@strawberry.input(description="A product and how many of it.")
class CartLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the serving store.")
    quantity: int = strawberry.field(description="How many, at most 99; 0 takes it out.")
    substitution: Substitution | None = strawberry.field(
        default=None, description="What to do when it is short; REFUND unless said before."
    )

    def to_line_change(self, index: int) -> CartLineChange:
        """Convert the line. Raises DomainError: NotFound for an id of no product."""
        key = parse_id(Product, self.product_id, "lines", str(index), "productId")
        return CartLineChange(key, self.quantity, self.substitution)


@strawberry.input(description="Which lines of the cart to set; the others stay as they are.")
class CartLinesSetInput:
    at: GeoPointInput = strawberry.field(description="Where to deliver: it decides the store.")
    company_id: strawberry.ID | None = strawberry.field(
        default=None, description="The company to buy from, where several deliver."
    )
    lines: list[CartLineInput] = strawberry.field(description="At most 100, each product once.")
    expected_version: int | None = strawberry.field(
        default=None, description="The cart's version that this change was made for."
    )
