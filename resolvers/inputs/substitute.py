import strawberry

from resolvers.inputs.fulfillment import FULFILLMENT, VERSION


@strawberry.input(description="A product that you propose for units of a line that are missing.")
class FulfillmentSubstituteProposeInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    line_id: strawberry.ID = strawberry.field(description="The line; it was found SHORT.")
    code: str = strawberry.field(
        description="The scanned barcode, or the code, of the product in your hand."
    )
    quantity: int = strawberry.field(
        description="Units of it, from 1 to the units that are missing of the line."
    )
    grams: int | None = strawberry.field(
        default=None, description="What they weigh, where they are sold by weight."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Your word on a product that the store proposes.")
class OrderSubstituteAnswerInput:
    substitute_id: strawberry.ID = strawberry.field(description="The proposal.")
    accept: bool = strawberry.field(description="Whether you take it.")
