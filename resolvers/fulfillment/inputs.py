import strawberry

from models.fulfillment import RejectReason

VERSION = "The version you saw: refused with VersionConflict when somebody changed it since."
FULFILLMENT = "The fulfillment."


@strawberry.input(description="An order that you take on.")
class FulfillmentAcceptInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An order that your store turns down.")
class FulfillmentRejectInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    reason: RejectReason = strawberry.field(description="Why your store can't do it.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What you found of one line: name it by id, by code, or by both.")
class FulfillmentLinePickInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    line_id: strawberry.ID | None = strawberry.field(default=None, description="The line.")
    code: str | None = strawberry.field(
        default=None, description="The scanned barcode, or the code, of the product in your hand."
    )
    quantity: int = strawberry.field(
        description="Units found, from 0 to the line's quantity; fewer than that is SHORT."
    )
    damaged_quantity: int = strawberry.field(
        default=0,
        description="Units found unfit besides, beyond those said before: they are set aside.",
    )
    grams: int | None = strawberry.field(
        default=None, description="What the units found weigh, where they are sold by weight."
    )
    batch_code: str | None = strawberry.field(
        default=None,
        description="The batch that all of them are of; without it, those that expire first.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A bag, or several, that you close.")
class FulfillmentPackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    bags: int = strawberry.field(description="How many bags, from 1 to 20.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Bags that you have put where riders fetch them.")
class FulfillmentStageInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


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
