from datetime import date

import strawberry

from models.fulfillment import FulfillmentRejectReason, PutBackWasteReason
from models.orders import AgeCheckDocument
from resolvers.delivery.inputs import DeliveryOverrideInput
from services.orders.age_checks import ShownDocument

VERSION = "The version that the caller has read; VersionConflict if it has changed since."
FULFILLMENT = "The fulfillment."


@strawberry.input(description="Input of `fulfillmentAccept`.")
class FulfillmentAcceptInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `fulfillmentReject`.")
class FulfillmentRejectInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    reason: FulfillmentRejectReason = strawberry.field(
        description="Why the store cannot fulfill it."
    )
    missing_line_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="With OUT_OF_STOCK: the missing lines, by default all. Their products go"
        " off sale in the store, and a count of them is opened.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(
    description="Input of `fulfillmentLinePick`. The line is named by id, by code, or by both."
)
class FulfillmentLinePickInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    line_id: strawberry.ID | None = strawberry.field(default=None, description="The line.")
    scanned_code: str | None = strawberry.field(
        default=None, description="The scanned barcode or the code of the product."
    )
    quantity: int = strawberry.field(
        description="Units found, from 0 to the line's quantity; fewer than that is SHORT."
    )
    damaged_quantity: int = strawberry.field(
        default=0,
        description="Further units found unfit, in addition to those reported before; they are"
        " set aside.",
    )
    weight_grams: int | None = strawberry.field(
        default=None, description="Weight of the found units, for products sold by weight."
    )
    batch_code: str | None = strawberry.field(
        default=None,
        description="Batch of all found units; if left out, the batches that expire first.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `fulfillmentPack`.")
class FulfillmentPackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    bag_count: int = strawberry.field(description="Number of bags, from 1 to 20.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `fulfillmentStage`.")
class FulfillmentStageInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `substitutionPropose`.")
class SubstitutionProposeInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    line_id: strawberry.ID = strawberry.field(description="The line, which is SHORT.")
    scanned_code: str = strawberry.field(
        description="The scanned barcode or the code of the product."
    )
    quantity: int = strawberry.field(
        description="Units of it, from 1 to the units that are missing of the line."
    )
    weight_grams: int | None = strawberry.field(
        default=None, description="Weight, for products sold by weight."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `orderSubstituteAnswer`.")
class OrderSubstituteAnswerInput:
    substitution_id: strawberry.ID = strawberry.field(description="The proposed substitute.")
    accept: bool = strawberry.field(description="Whether the customer accepts it.")


@strawberry.input(description="Input of `fulfillmentGiveBack`.")
class FulfillmentGiveBackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(
    description="What happened to the units of one line; the quantities add up to all of its units."
)
class PutBackLineInput:
    line_id: strawberry.ID = strawberry.field(description="The line of the put-back.")
    returned_quantity: int = strawberry.field(description="Units back on the shelf.")
    wasted_quantity: int = strawberry.field(
        default=0, description="Units that can't be sold again; they are written off."
    )
    missing_quantity: int = strawberry.field(
        default=0, description="Units missing from the bags; they are written off as short."
    )
    waste_reason: PutBackWasteReason | None = strawberry.field(
        default=None, description="Why units are wasted; required when any are."
    )


@strawberry.input(description="Input of `fulfillmentPutBack`.")
class FulfillmentPutBackInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    lines: list[PutBackLineInput] = strawberry.field(
        description="Every line of the put-back, each once."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `fulfillmentCollect`.")
class FulfillmentCollectInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    pickup_code: str | None = strawberry.field(
        default=None,
        description="The code that the customer gives; only managers may leave it out, and have to "
        "after five wrong codes.",
    )
    override: DeliveryOverrideInput | None = strawberry.field(
        default=None,
        description="Reason for managers to hand over without the code; others leave it out.",
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `fulfillmentCheckAge`.")
class FulfillmentCheckAgeInput:
    fulfillment_id: strawberry.ID = strawberry.field(description=FULFILLMENT)
    document: AgeCheckDocument = strawberry.field(description="The kind of document.")
    birth_date: date | None = strawberry.field(
        default=None,
        description="The date of birth on it, which is not stored; alternatively `isOldEnough`.",
    )
    is_old_enough: bool | None = strawberry.field(
        default=None, description="Whether the document shows that the customer is old enough."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)

    def to_shown_document(self) -> ShownDocument:
        """What was shown, as the services take it."""
        return ShownDocument(self.document, self.birth_date, self.is_old_enough)
