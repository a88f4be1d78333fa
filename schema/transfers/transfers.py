"""GraphQL types of transfers."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stores as load_stores
from dataloaders import transfers as load
from models.catalog import Product
from models.transfers import (
    StockTransfer,
    StockTransferAction,
    StockTransferLine,
    StockTransferStatus,
    TransferLot,
)
from resolvers.transfers import transfers as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.transfers import transfers

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(TransferLot, "Units of a transfer line from one batch.")
class TransferLotType:
    batch_code: str | None = column("The batch; null if unknown.")
    sell_by_date: date | None = column("Expiry date; null if unknown.")
    quantity: int = column("Shipped units.")


@backed_by(
    StockTransferLine,
    "One product of a transfer. Once arrived, shipped = received + damaged + missing.",
)
class StockTransferLineType(NodeType):
    id: strawberry.ID = id_field(StockTransferLine)
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    requested: int = column("Requested units.")
    shipped: int = column("Shipped units; 0 before shipping.")
    received: int = column("Received intact units.")
    damaged: int = column("Received damaged units.")
    missing: int = column("Missing units.")
    batches: list[TransferLotType] = related(
        load.lots_by_line, "Shipped units by batch, first to expire first."
    )


@backed_by(
    StockTransfer, "A transfer of goods from one store or warehouse to another of the same company."
)
class StockTransferType(NodeType):
    id: strawberry.ID = id_field(StockTransfer)
    status: StockTransferStatus = column("Its status.")
    available_actions: list[StockTransferAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")
    source: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The source store.", by="source_id"
    )
    destination: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The destination store.", by="destination_id"
    )
    lines: list[StockTransferLineType] = related(
        load.lines_by_transfer, "Its lines, at most 200.", cost=10
    )
    note: str = column("Note of the request.")
    decision_note: str = column("Why it was rejected or canceled.")
    requested_at: datetime = column("Time when it was requested.")
    decided_at: datetime | None = column("Time when it was approved, rejected or canceled.")
    shipped_at: datetime | None = column("Time of shipping.")
    received_at: datetime | None = column("Time of arrival.")


@backed_by(
    transfers.SameSourceAndDestination, "Source and destination of a transfer are the same store."
)
class SameSourceAndDestinationType(ProblemType):
    pass


TransferRequestError = Annotated[
    NotFoundType | InvalidInputType | SameSourceAndDestinationType,
    strawberry.union(
        "TransferRequestError", description="Problems that `transferRequest` can return."
    ),
]
TransferDecideProblem = (
    NotFoundType | InvalidInputType | InvalidTransitionType | VersionConflictType
)
TransferApproveError = Annotated[
    TransferDecideProblem,
    strawberry.union(
        "TransferApproveError", description="Problems that `transferApprove` can return."
    ),
]
TransferRejectError = Annotated[
    TransferDecideProblem,
    strawberry.union(
        "TransferRejectError", description="Problems that `transferReject` can return."
    ),
]
TransferCancelError = Annotated[
    TransferDecideProblem,
    strawberry.union(
        "TransferCancelError", description="Problems that `transferCancel` can return."
    ),
]
TransferStartPickingError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "TransferStartPickingError", description="Problems that `transferStartPicking` can return."
    ),
]
TransferShipError = Annotated[
    NotFoundType
    | InvalidInputType
    | InvalidTransitionType
    | VersionConflictType
    | InsufficientStockType,
    strawberry.union("TransferShipError", description="Problems that `transferShip` can return."),
]
TransferReceiveError = Annotated[
    NotFoundType | InvalidInputType | InvalidTransitionType | VersionConflictType,
    strawberry.union(
        "TransferReceiveError", description="Problems that `transferReceive` can return."
    ),
]
NOW = "The transfer as it is now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.TransferOutcome, "Result of `transferRequest`.")
class TransferRequestPayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferRequestError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferApprove`.")
class TransferApprovePayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferApproveError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferReject`.")
class TransferRejectPayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferRejectError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferCancel`.")
class TransferCancelPayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferCancelError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferStartPicking`.")
class TransferStartPickingPayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferStartPickingError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferShip`.")
class TransferShipPayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferShipError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "Result of `transferReceive`.")
class TransferReceivePayload:
    transfer: StockTransferType | None = column(NOW)
    errors: list[TransferReceiveError] = column(ERRORS)
