"""GraphQL types of batches, markdowns, write-offs and recalls."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import stock as load
from dataloaders import stores as load_stores
from models.orders import Order, OrderStatus
from models.stock import BatchRecall, BatchStatus, StockBatch
from resolvers.rules import STORE_OR_SUPPORT
from resolvers.stock import batches as resolve
from resolvers.stock import stock as resolve_stock
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStockType
from schema.fields import id_field, private_field
from schema.nodes import NodeType
from schema.pages import ConnectionType
from schema.problems import InvalidInputType, NotFoundType
from schema.stock.stock import StockEntryType, StockType
from services.stock import expiring_batches, recalls

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(StockBatch, "Units of a product in a store that came and expire together.")
class StockBatchType(NodeType):
    id: strawberry.ID = id_field(StockBatch)
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store.", by="store_id"
    )
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="place",
    )
    code: str = column("What is printed on it.")
    expires_on: date | None = column("The last day of sale; null when there is none.")
    status: BatchStatus = column("Whether it may be sold.")
    on_hand: int | None = column(
        "Units on the shelf, sold ones that are not picked yet among them.",
        allow=STORE_OR_SUPPORT,
    )
    damaged: int | None = column("Units of it that are set aside.", allow=STORE_OR_SUPPORT)
    received_at: datetime = column("When it first came.")


@backed_by(load.BatchShare, "So many units of a batch.")
class BatchShareType:
    batch_id: strawberry.ID = id_field(StockBatch, "The batch's id.", by="batch_id")
    code: str = column("What is printed on it.")
    expires_on: date | None = column("The last day of sale; null when there is none.")
    quantity: int = column("How many units.")


@backed_by(
    expiring_batches.MarkdownCandidate, "A batch of which units will be left when it expires."
)
class MarkdownType:
    batch: StockBatchType = column("The batch.")
    days_left: int = column("Whole days of sale after today.")
    daily_sales: float = column("Units of the product sold a day, over the last 14 days.")
    surplus: int = column("Units that will be left over if sales go on like that.")


@backed_by(recalls.RecalledOrder, "An order that got units of a recalled batch.")
class RecalledOrderType:
    order_id: strawberry.ID = id_field(Order, "The order.", by="order_id")
    code: str = column("Its short code, as on its bags.")
    customer_name: str | None = private_field(
        "customer_name",
        "Whose it is; null for the store's staff a day after its end.",
        recalls.may_see_customer,
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that packed it.", by="store_id"
    )
    status: OrderStatus = column("Where it stands.")
    placed_at: datetime = column("When it was placed.")
    quantity: int = column("Units of the batch that it got.")


@backed_by(BatchRecall, "A batch that must not be sold in any store of its company.")
class BatchRecallType(NodeType):
    id: strawberry.ID = id_field(BatchRecall)
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    batch_code: str = column("The code of the batch.")
    reason: str = column("Why it was recalled.")
    at: datetime = column("When it was recalled.")
    batches: list[StockBatchType] | None = field(
        resolve.batches_of_recall,
        "What of it came to your stores.",
        allow=STORE_OR_SUPPORT,
        cost=10,
        loads=load.batches_by_recall,
    )
    orders: ConnectionType[RecalledOrderType] = field(
        resolve.list_orders,
        "The orders of your stores that got units of it and have not brought them back, the newest"
        " first.",
        cost=5,
    )


BatchWasteError = Annotated[
    NotFoundType | InvalidInputType | InsufficientStockType,
    strawberry.union("BatchWasteError", description="Why nothing was written off."),
]
BatchRecallError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union("BatchRecallError", description="Why the batch is still sold."),
]


@backed_by(resolve.WasteOutcome, "What batchWaste did.")
class BatchWastePayload:
    stock: StockType | None = field(resolve_stock.stock_of_entry, "The shelf as it is now.")
    entry: StockEntryType | None = column("The new line of the ledger; null when nothing was done.")
    errors: list[BatchWasteError] = column("Every reason why nothing was done.")


@backed_by(resolve.RecallOutcome, "What batchRecall did.")
class BatchRecallPayload:
    recall: BatchRecallType | None = column("The recall; null when nothing was done.")
    errors: list[BatchRecallError] = column("Every reason why nothing was done.")
