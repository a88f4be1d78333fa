import strawberry

from resolvers.inputs.scalars import BigInt

VERSION = "The listing's version that this change was made for."


@strawberry.input(description="Which product to show or to hide, in which store.")
class ListingSetAvailabilityInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    product_id: strawberry.ID = strawberry.field(description="A product that it lists.")
    available: bool = strawberry.field(description="Whether customers may order it.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What to ask for a product, in which store.")
class ListingSetPriceInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    product_id: strawberry.ID = strawberry.field(description="A product that it lists.")
    price_minor: BigInt = strawberry.field(
        description="The price in minor units, tax included: of a kilogram where it is weighed."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
