"""GraphQL types of transfers."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stores as load_stores
from dataloaders import transfers as load
from models.catalog import Product
from models.transfers import Transfer, TransferAction, TransferLine, TransferLot, TransferStatus
from resolvers.transfers import transfers as resolve
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    VersionConflictType,
)
from services.transfers import transfers

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(TransferLot, "Units of a transfer's line that came out of one batch.")
class TransferLotType:
    batch_code: str | None = column("The batch; null for units of none.")
    expires_on: date | None = column("The day on which they expire; null when nobody knows.")
    quantity: int = column("Units that were shipped.")


@backed_by(
    TransferLine,
    "One product of a transfer. Once arrived, shipped = received + damaged + missing.",
)
class TransferLineType(NodeType):
    id: strawberry.ID = id_field(TransferLine)
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    requested: int = column("Units that were asked for.")
    shipped: int = column("Units that left the source; 0 before that.")
    received: int = column("Units that arrived whole.")
    damaged: int = column("Units that arrived and can't be sold.")
    missing: int = column("Units that left and did not arrive.")
    lots: list[TransferLotType] = related(
        load.lots_by_line, "What was shipped by batch, the first to expire first."
    )


@backed_by(Transfer, "Goods that one store or warehouse gives to another of its company.")
class TransferType(NodeType):
    id: strawberry.ID = id_field(Transfer)
    status: TransferStatus = column("Where the goods are.")
    available_actions: list[TransferAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")
    source: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that gives.", by="source_id"
    )
    destination: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that gets.", by="destination_id"
    )
    lines: list[TransferLineType] = related(
        load.lines_by_transfer, "Its products, at most 200.", cost=10
    )
    note: str = column("What was said with the request.")
    decision_note: str = column("Why it was turned down or called off, if somebody said.")
    requested_at: datetime = column("When it was asked for.")
    decided_at: datetime | None = column("When it was approved, turned down or called off.")
    shipped_at: datetime | None = column("When the goods left.")
    received_at: datetime | None = column("When they arrived.")


@backed_by(transfers.SameStore, "Goods can't be sent to the store that they are in.")
class SameStoreType(ProblemType):
    pass


TransferRequestError = Annotated[
    NotFoundType | InvalidInputType | SameStoreType,
    strawberry.union("TransferRequestError", description="Why nothing was asked for."),
]
TransferDecideError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType,
    strawberry.union("TransferDecideError", description="Why the transfer stays as it is."),
]
TransferPickError = Annotated[
    NotFoundType | IllegalStepType | VersionConflictType,
    strawberry.union("TransferPickError", description="Why nobody gathers the goods."),
]
TransferShipError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType | InsufficientStockType,
    strawberry.union("TransferShipError", description="Why the goods stay where they are."),
]
TransferReceiveError = Annotated[
    NotFoundType | InvalidInputType | IllegalStepType | VersionConflictType,
    strawberry.union("TransferReceiveError", description="Why nothing was taken in."),
]
NOW = "The transfer as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.TransferOutcome, "What transferRequest did.")
class TransferRequestPayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferRequestError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferApprove did.")
class TransferApprovePayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferDecideError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferReject did.")
class TransferRejectPayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferDecideError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferCancel did.")
class TransferCancelPayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferDecideError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferPick did.")
class TransferPickPayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferPickError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferShip did.")
class TransferShipPayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferShipError] = column(ERRORS)


@backed_by(resolve.TransferOutcome, "What transferReceive did.")
class TransferReceivePayload:
    transfer: TransferType | None = column(NOW)
    errors: list[TransferReceiveError] = column(ERRORS)
