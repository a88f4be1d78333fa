"""GraphQL types of stock levels, the stock ledger and adjustments."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stock as load_stock
from models.catalog import Product
from models.stock import Stock, StockEntry, StockReason
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


@backed_by(Stock, "What a store has of one product.")
class StockType:
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    on_hand: int | None = column("Units on the shelf.", allow=STORE)
    held: int | None = column(
        "Units of them promised to orders that are not paid yet.", allow=STORE
    )
    damaged: int | None = column(
        "Units set aside: broken, expired or recalled. They are not in onHand.", allow=STORE
    )
    incoming: int | None = column("Units that are ordered or on their way.", allow=STORE)
    available: int | None = field(
        resolve.available_units, "Units that can still be sold.", allow=STORE
    )
    version: int = column("Grows with each change: pass it as expectedVersion.")


@backed_by(StockEntry, "One line of a store's stock ledger.")
class StockEntryType(NodeType):
    id: strawberry.ID = id_field(StockEntry)
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    delta: int | None = column(
        "Units on the shelf that came (above 0) or went (below 0).", allow=STORE
    )
    damaged_delta: int | None = column(
        "Units that were set aside, or (below 0) thrown away.", allow=STORE
    )
    incoming_delta: int | None = column(
        "Units more, or (below 0) fewer, on their way.", allow=STORE
    )
    batch: Annotated["StockBatchType", strawberry.lazy("schema.stock.batches")] | None = related(
        load_stock.batch_by_id, "The batch, when it is known.", by="batch_id", allow=STORE
    )
    batch_delta: int | None = column(
        "Units of the batch that came or went; a sold unit leaves its batch when it is picked.",
        allow=STORE,
    )
    reason: StockReason | None = column("Why they did.", allow=STORE)
    reference: str | None = column("The order or the note behind it.", allow=STORE)
    at: datetime = column("When it was written.")


@backed_by(adjustments.BelowHeld, "Units that are promised to customers would be missing.")
class BelowHeldType(ProblemType):
    held: int = column("Units that are promised.")


StockAdjustError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | BelowHeldType,
    strawberry.union("StockAdjustError", description="Why the books stay as they are."),
]


@backed_by(resolve.StockAdjustOutcome, "What stockAdjust did.")
class StockAdjustPayload:
    stock: StockType | None = field(resolve.stock_of_entry, "The shelf as it is now.")
    entry: StockEntryType | None = column("The new line of the ledger; null when nothing was done.")
    errors: list[StockAdjustError] = column("Every reason why nothing was done.")
