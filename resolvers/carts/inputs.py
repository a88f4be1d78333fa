import strawberry

from models.carts import SubstitutionPreference
from models.catalog import Product
from resolvers.shared_inputs import GeoPointInput
from services.carts.carts import CartLineChange
from services.core.problems import parse_id


@strawberry.input(description="A product and its quantity.")
class CartLineInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the serving store.")
    quantity: int = strawberry.field(description="Quantity, at most 99; 0 removes the line.")
    substitution_preference: SubstitutionPreference | None = strawberry.field(
        default=None,
        description="What to do if units are missing at picking; by default the previous choice"
        " of the line, else REFUND.",
    )

    def to_line_change(self, index: int) -> CartLineChange:
        """Convert the line. Raises DomainError: NotFound for an id of no product."""
        key = parse_id(Product, self.product_id, "lines", str(index), "productId")
        return CartLineChange(key, self.quantity, self.substitution_preference)


@strawberry.input(description="Input of `cartLinesSet`. Lines that are not named are not changed.")
class CartLinesSetInput:
    location: GeoPointInput = strawberry.field(
        description="Delivery location, which determines the store."
    )
    company_id: strawberry.ID | None = strawberry.field(
        default=None, description="The company to buy from, if several deliver there."
    )
    lines: list[CartLineInput] = strawberry.field(
        description="At most 100 lines, each product once."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version of the cart that the client has read."
    )
