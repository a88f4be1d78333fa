from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import fulfillment as load_fulfillment
from dataloaders import orders as load_orders
from dataloaders import stock as load_stock
from dataloaders import stores as load_stores
from models.catalog import TemperatureZone
from models.delivery import DeliveryOverrideReason
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentRejectReason,
    FulfillmentStatus,
    PutBackReason,
)
from models.orders import AgeCheckResult, FulfillmentMethod
from models.stock import BatchStatus
from resolvers.fulfillment import fulfillments as resolve
from resolvers.operations import documents
from resolvers.rules import STORE, STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.catalog.product_codes import AmbiguousProductCodeType
from schema.catalog.weights import TooHeavyType, TooLightType
from schema.fields import id_field, private_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.fulfillment import fulfillments, picking
from services.stock import picked_batches as stock_picked_batches

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.fulfillment.put_backs import PutBackLineType
    from schema.fulfillment.substitutions import SubstitutionType
    from schema.orders.orders import OrderType
    from schema.stock.batches import BatchQuantityType
    from schema.stores.stores import StoreType


@backed_by(FulfillmentLine, "One line of a pick list.")
class FulfillmentLineType(NodeType):
    id: strawberry.ID = id_field(FulfillmentLine)
    position: int = column(
        "Its position in picking order: by temperature zone, cold products last, then by aisle."
    )
    temperature_zone: TemperatureZone = column("Its storage temperature.")
    aisle: str = column("Its aisle; empty if unknown.")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null if the store does not list it any more.",
        by="place",
    )
    name: str = column("Name of the product at the time of the order.")
    age_restricted: bool = column("Whether it is not sold to minors.")
    suggested_batches: (
        list[Annotated["BatchQuantityType", strawberry.lazy("schema.stock.batches")]] | None
    ) = related(
        load_stock.suggested_batches_by_line,
        "Batches to take, first to expire first; empty after the line is decided,"
        " or if no batch is known.",
        allow=STORE,
    )
    picked_batches: (
        list[Annotated["BatchQuantityType", strawberry.lazy("schema.stock.batches")]] | None
    ) = related(
        load_stock.picked_batches_by_line,
        "Batches of the units in the bag.",
        allow=STORE,
    )
    quantity: int = column("Units that were ordered.")
    picked_quantity: int = column("Units in the bag.")
    average_weight_grams: int | None = column(
        "Estimated weight of a unit; null for products sold by the piece."
    )
    max_weight_grams: int | None = column(
        "Maximum weight of all its units; proportionally less for fewer units."
    )
    picked_weight_grams: int | None = column(
        "Weight of the units in the bag; null for products sold by the piece."
    )
    damaged_quantity: int = column(
        "Units found unfit at picking, including those that were replaced by others."
    )
    missing_quantity: int = column("Missing units.")
    status: FulfillmentLineStatus = column("Its status.")


@backed_by(Fulfillment, "One store's task to pick and pack an order.")
class FulfillmentType(NodeType):
    id: strawberry.ID = id_field(Fulfillment)
    status: FulfillmentStatus = column("Its status.")
    available_actions: list[FulfillmentAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")
    attempt_number: int = column("1 for the order's first store, 2 for the second, and so on.")
    method: FulfillmentMethod = column("Whether a rider picks it up or the customer collects it.")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order; null for a store that has lost it.", by="order_id"
    )
    order_code: str = column("The short code of the order, printed on its bags.")
    customer_name: str | None = private_field(
        "customer_name",
        "Name of the customer; null for a store that has lost the order, and a day"
        " after the handover.",
        fulfillments.may_see_recipient,
    )
    age_check_result: AgeCheckResult | None = column(
        "Result of the last age check, if the customer collects the order."
    )
    minimum_age: int | None = column(
        "Minimum age that is checked at the handover; null if none is."
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that picks.", by="store_id"
    )
    lines: list[FulfillmentLineType] = related(
        load_fulfillment.lines_by_fulfillment, "The pick list."
    )
    substitutions: list[
        Annotated["SubstitutionType", strawberry.lazy("schema.fulfillment.substitutions")]
    ] = related(
        load_fulfillment.substitutes_by_order,
        "Substitutes that were proposed to the customer.",
        by="order_id",
    )
    bag_count: int = column("Number of packed bags; 0 before packing.")
    packing_slip_url: str | None = field(
        documents.packing_slip_url,
        "URL of its packing slip (PDF), which needs the same Authorization header;"
        " null except for its staff and support.",
        allow=STORE_OR_SUPPORT,
    )
    handover_code: str | None = field(
        resolve.handover_code,
        "Code that the store gives to the rider at the pickup; null except for its staff,"
        " and for riders of the company.",
        allow=STORE,
    )
    reject_reason: FulfillmentRejectReason | None = column(
        "Why the store rejected it.", allow=STORE_OR_SUPPORT
    )
    override_reason: DeliveryOverrideReason | None = column(
        "Why a manager handed the bags over without the code.", allow=STORE_OR_SUPPORT
    )
    override_note: str | None = column("Details of that reason.", allow=STORE_OR_SUPPORT)
    queued_at: datetime = column("Time when it entered the store's queue.")
    next_step_due_at: datetime | None = column(
        "Deadline of the present state: to accept it, to continue picking, to"
        " collect it, or to put its units back."
    )
    accepted_at: datetime | None = column("Time when the store accepted it.")
    packed_at: datetime | None = column("Time when it was packed.")
    handed_over_at: datetime | None = column("Time when a rider or the customer got the bags.")
    put_back_reason: PutBackReason | None = column(
        "Why picked units have to be put back; null if there are none.", allow=STORE_OR_SUPPORT
    )
    put_back_opened_at: datetime | None = column(
        "Since when picked units wait to be put back; null if there are none.",
        allow=STORE_OR_SUPPORT,
    )
    put_back_at: datetime | None = column(
        "Time when the put-back was recorded.", allow=STORE_OR_SUPPORT
    )
    put_back_lines: (
        list[Annotated["PutBackLineType", strawberry.lazy("schema.fulfillment.put_backs")]] | None
    ) = related(
        load_fulfillment.put_back_lines_by_fulfillment,
        "The units to put back; empty if there are none.",
        allow=STORE_OR_SUPPORT,
    )


@backed_by(picking.ProductMismatch, "The scanned code belongs to another product.")
class ProductMismatchType(ProblemType):
    expected: str = column("The barcode or code of the expected product.")


@backed_by(
    stock_picked_batches.BatchNotSellable,
    "The units could only come from a batch that must not be sold.",
)
class BatchNotSellableType(ProblemType):
    batch_code: str = column("The batch.")
    status: BatchStatus = column("Why it must not be sold.")


FulfillmentAcceptError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "FulfillmentAcceptError", description="Problems that `fulfillmentAccept` can return."
    ),
]
FulfillmentRejectError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | InvalidInputType,
    strawberry.union(
        "FulfillmentRejectError", description="Problems that `fulfillmentReject` can return."
    ),
]
FulfillmentLinePickError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | VersionConflictType
    | InvalidInputType
    | ProductMismatchType
    | AmbiguousProductCodeType
    | BatchNotSellableType
    | InsufficientStockType
    | TooLightType
    | TooHeavyType,
    strawberry.union(
        "FulfillmentLinePickError", description="Problems that `fulfillmentLinePick` can return."
    ),
]
FulfillmentPackError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType | InvalidInputType,
    strawberry.union(
        "FulfillmentPackError", description="Problems that `fulfillmentPack` can return."
    ),
]
FulfillmentStageError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "FulfillmentStageError", description="Problems that `fulfillmentStage` can return."
    ),
]
NOW = "The fulfillment as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentAccept`.")
class FulfillmentAcceptPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentAcceptError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentReject`.")
class FulfillmentRejectPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentRejectError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentLinePick`.")
class FulfillmentLinePickPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentLinePickError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentPack`.")
class FulfillmentPackPayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentPackError] = column(ERRORS)


@backed_by(resolve.FulfillmentOutcome, "Result of `fulfillmentStage`.")
class FulfillmentStagePayload:
    fulfillment: FulfillmentType | None = column(NOW)
    errors: list[FulfillmentStageError] = column(ERRORS)
