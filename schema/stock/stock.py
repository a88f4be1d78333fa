"""GraphQL types of stock levels, the stock ledger and adjustments."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stock as load_stock
from models.catalog import Product
from models.stock import StockLevel, StockMovement, StockMovementReason
from models.stores import Store
from resolvers.rules import STORE
from resolvers.stock import stock as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from services.stock import adjustments

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stock.batches import StockBatchType


@backed_by(StockLevel, "The stock level of a product in a store.")
class StockLevelType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    on_hand: int | None = column("Units on hand.", allow=STORE)
    reserved: int | None = column("Units reserved for orders that are not paid yet.", allow=STORE)
    unsellable: int | None = column(
        "Units set aside: broken, expired or recalled. They are not in onHand.", allow=STORE
    )
    incoming: int | None = column("Units that are ordered or on their way.", allow=STORE)
    available: int | None = field(
        resolve.available_units, "Units that can still be sold.", allow=STORE
    )
    version: int = column("Increases with each change; pass it as expectedVersion.")


@backed_by(StockMovement, "An entry of a store's stock ledger.")
class StockMovementType(NodeType):
    id: strawberry.ID = id_field(StockMovement)
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    on_hand_delta: int | None = column("Change of the units on hand.", allow=STORE)
    unsellable_delta: int | None = column("Change of the units set aside.", allow=STORE)
    incoming_delta: int | None = column("Change of the incoming units.", allow=STORE)
    batch: Annotated["StockBatchType", strawberry.lazy("schema.stock.batches")] | None = related(
        load_stock.batch_by_id, "The batch, if known.", by="batch_id", allow=STORE
    )
    batch_delta: int | None = column(
        "Change of the units of the batch; a sold unit leaves its batch when it is picked.",
        allow=STORE,
    )
    reason: StockMovementReason | None = column("Reason of the change.", allow=STORE)
    reference: str | None = column("Reference to an order, or a note.", allow=STORE)
    occurred_at: datetime = column("Time of the entry.")


@backed_by(adjustments.BelowHeld, "Fewer units would be left than are reserved for orders.")
class BelowHeldType(ProblemType):
    reserved: int = column("Reserved units.")


StockAdjustError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | BelowHeldType,
    strawberry.union("StockAdjustError", description="Problems that `stockAdjust` can return."),
]


@backed_by(resolve.StockAdjustOutcome, "Result of `stockAdjust`.")
class StockAdjustPayload:
    stock_level: StockLevelType | None = field(resolve.stock_of_entry, "The current stock level.")
    stock_movement: StockMovementType | None = column(
        "The new ledger entry; null if the mutation was rejected."
    )
    errors: list[StockAdjustError] = column("The problems; empty if the mutation succeeded.")
