from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import fulfillment as load
from dataloaders import fulfillment as load_fulfillment
from dataloaders import stock as load_stock
from dataloaders import stores as load_stores
from models.catalog import TemperatureZone
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
    PutBackReason,
    RejectReason,
)
from models.orders import AgeCheckResult, FulfillmentMethod
from models.stock import BatchStatus
from resolvers.fulfillment import fulfillments as resolve
from resolvers.operations import documents
from resolvers.rules import STORE, STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, private_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.fulfillment import fulfillments, picking
from services.stock import picked_batches as stock_picked_batches

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.fulfillment.put_backs import PutBackLineType
    from schema.fulfillment.substitutions import SubstituteType
    from schema.stock.batches import BatchShareType
    from schema.stores.stores import StoreType


@backed_by(FulfillmentLine, "One line of a pick list.")
class FulfillmentLineType(NodeType):
    id: strawberry.ID = id_field(FulfillmentLine)
    position: int = column(
        "Its place on the picker's way through the store: by zone, cold things last, and aisle."
    )
    temperature_zone: TemperatureZone = column("How cold it is kept.")
    aisle: str = column("Where it lies; empty when nobody has said.")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "What to look for; null when the store has stopped listing it.",
        by="place",
    )
    name: str = column("The product's name when it was ordered.")
    age_restricted: bool = column("Whether it is not sold to minors.")
    take_from: list[Annotated["BatchShareType", strawberry.lazy("schema.stock.batches")]] | None = (
        related(
            load_stock.suggested_batches_by_line,
            "Which batches to take, the first to expire first; empty once the line is decided, and"
            " where no batch is known.",
            allow=STORE,
        )
    )
    picked_batches: (
        list[Annotated["BatchShareType", strawberry.lazy("schema.stock.batches")]] | None
    ) = related(
        load_stock.picked_batches_by_line,
        "Which batches the units in the bag are of.",
        allow=STORE,
    )
    quantity: int = column("Units that were ordered.")
    picked_quantity: int = column("Units in the bag.")
    unit_grams: int | None = column(
        "What a unit weighs, about; null where it is sold by the piece and nothing is weighed."
    )
    most_grams: int | None = column(
        "What all its units may weigh at most; fewer units, less in proportion."
    )
    picked_grams: int | None = column("What the units in the bag weigh, of what is weighed.")
    damaged_quantity: int = column(
        "Units that were found unfit on the way, those that others were taken for among them."
    )
    missing_quantity: int = column("Units that were looked for and not found.")
    status: FulfillmentLineStatus = column("Whether it was found.")


@backed_by(Fulfillment, "One store's task to pick and pack an order.")
class FulfillmentType(NodeType):
    id: strawberry.ID = id_field(Fulfillment)
    status: FulfillmentStatus = column("Where the task stands.")
    available_actions: list[FulfillmentAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")
    attempt: int = column("1 for the order's first store, 2 for the second, and so on.")
    method: FulfillmentMethod = column("Whether a rider fetches it or the customer collects it.")
    order_code: str = column("The short code of the order, as on its bags.")
    customer_name: str | None = private_field(
        "customer_name",
        "Whom it is for; null for a store that has it no more, and a day after the handover.",
        fulfillments.may_see_recipient,
    )
    age_result: AgeCheckResult | None = column(
        "The result of the last check of the age, where the customer collects the order."
    )
    minimum_age: int | None = column(
        "The age that is checked when the bags are handed over; null where nothing is checked."
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that picks.", by="store_id"
    )
    lines: list[FulfillmentLineType] = related(load.lines_by_fulfillment, "The pick list.")
    substitutes: list[
        Annotated["SubstituteType", strawberry.lazy("schema.fulfillment.substitutions")]
    ] = related(
        load_fulfillment.substitutes_by_order,
        "What was proposed to the customer for what was missing.",
        by="order_id",
    )
    bags: int = column("How many bags were packed; 0 before that.")
    packing_slip_url: str | None = field(
        documents.packing_slip_url,
        "Where its packing slip (PDF) is read, with the same Authorization header; null for"
        " others than its staff and support.",
        allow=STORE_OR_SUPPORT,
    )
    handover_code: str | None = field(
        resolve.handover_code,
        "What the store tells the rider who fetches the bags; null for others than its staff.",
        allow=STORE,
    )
    reject_reason: RejectReason | None = column(
        "Why the store turned it down, if it did.", allow=STORE_OR_SUPPORT
    )
    queued_at: datetime = column("When it came into the store's queue.")
    due_at: datetime | None = column(
        "Until when it has to be accepted while QUEUED, worked on again while in hand, collected,"
        " or put back after it ended."
    )
    accepted_at: datetime | None = column("When the store took it on.")
    packed_at: datetime | None = column("When its bags were closed.")
    handed_over_at: datetime | None = column("When a rider or the customer took them.")
    put_back_reason: PutBackReason | None = column(
        "Why picked units have to be put back; null when none have.", allow=STORE_OR_SUPPORT
    )
    put_back_opened_at: datetime | None = column(
        "Since when picked units wait to be put back; null when none have to be.",
        allow=STORE_OR_SUPPORT,
    )
    put_back_at: datetime | None = column(
        "When somebody recorded where they went.", allow=STORE_OR_SUPPORT
    )
    put_back_lines: (
        list[Annotated["PutBackLineType", strawberry.lazy("schema.fulfillment.put_backs")]] | None
    ) = related(
        load.put_back_lines_by_fulfillment,
        "What has to be put back, or was; empty when nothing has to be.",
        allow=STORE_OR_SUPPORT,
    )


@backed_by(picking.WrongProduct, "The code is of another product than the line's.")
class WrongProductType(ProblemType):
    expected: str = column("The barcode (or code) of the product to look for.")


@backed_by(
    stock_picked_batches.BatchFrozen, "The units could only be of a batch that must not be sold."
)
class BatchFrozenType(ProblemType):
    batch_code: str = column("The batch.")
    status: BatchStatus = column("Why it must not be sold.")


FulfillmentAcceptError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType,
    strawberry.union("FulfillmentAcceptError", description="Why an order was not taken on."),
]
FulfillmentRejectError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | InvalidInputType,
    strawberry.union("FulfillmentRejectError", description="Why an order was not turned down."),
]
FulfillmentLinePickError = Annotated[
    NotFoundType
    | IllegalStepType
    | VersionConflictType
    | InvalidInputType
    | WrongProductType
    | BatchFrozenType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union("FulfillmentLinePickError", description="Why a line stays undecided."),
]
FulfillmentPackError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType | InvalidInputType,
    strawberry.union("FulfillmentPackError", description="Why the bags stay open."),
]
FulfillmentStageError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType,
    strawberry.union("FulfillmentStageError", description="Why the bags can't be fetched yet."),
]
NOW = "The fulfillment as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentAccept did.")
class FulfillmentAcceptPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentAcceptError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentReject did.")
class FulfillmentRejectPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentRejectError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentLinePick did.")
class FulfillmentLinePickPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentLinePickError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentPack did.")
class FulfillmentPackPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentPackError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "What fulfillmentStage did.")
class FulfillmentStagePayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentStageError] = column(ERRORS)
