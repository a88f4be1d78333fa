from datetime import date

import strawberry

from models.fulfillment import PutBackWasteReason, RejectReason
from models.orders import AgeDocument
from services.orders.age_checks import ShownDocument

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
    missing_line_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="With OUT_OF_STOCK: the lines that you did not find; without it all of them."
        " Their products go off sale in your store and are counted.",
    )
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


@strawberry.input(description="A task that goes back to your store's queue.")
class FulfillmentGiveBackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Where the units of one line went: together all of its units.")
class PutBackLineInput:
    line_id: strawberry.ID = strawberry.field(description="The line of the put-back.")
    returned_quantity: int = strawberry.field(description="Units that are on the shelf again.")
    wasted_quantity: int = strawberry.field(
        default=0, description="Units that can't be sold again; they are written off."
    )
    missing_quantity: int = strawberry.field(
        default=0, description="Units that were not in the bags; they are written off as short."
    )
    waste_reason: PutBackWasteReason | None = strawberry.field(
        default=None, description="Why units are wasted; required when any are."
    )


@strawberry.input(description="Units of an ended task that you have put back and counted.")
class FulfillmentPutBackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    lines: list[PutBackLineInput] = strawberry.field(
        description="Every line of the put-back, each once."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Bags that you hand to the customer who collects them.")
class FulfillmentCollectInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    code: str | None = strawberry.field(
        default=None,
        description="The code that the customer tells; only managers may leave it out.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What the customer shows as a proof of age when collecting an order.")
class FulfillmentCheckAgeInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    document: AgeDocument = strawberry.field(description="What was shown.")
    birth_date: date | None = strawberry.field(
        default=None, description="The date of birth on it, which is not kept; else `isOldEnough`."
    )
    is_old_enough: bool | None = strawberry.field(
        default=None, description="Whether it says that the customer is old enough."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_shown_document(self) -> ShownDocument:
        """What was shown, as the services take it."""
        return ShownDocument(self.document, self.birth_date, self.is_old_enough)
