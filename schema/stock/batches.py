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
from schema.stock.stock import StockLevelType, StockMovementType
from services.stock import expiring_batches, recalls

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.stores.stores import StoreType


@backed_by(
    StockBatch,
    "A batch: units of a product in a store that were received together and expire together.",
)
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
    code: str = column("The batch code that is printed on the goods.")
    sell_by_date: date | None = column("The last day of sale; null when there is none.")
    status: BatchStatus = column("Its status.")
    on_hand: int | None = column(
        "Units on hand, including sold units that are not picked yet.",
        allow=STORE_OR_SUPPORT,
    )
    unsellable: int | None = column("Units of it that are set aside.", allow=STORE_OR_SUPPORT)
    received_at: datetime = column("Time when it was first received.")


@backed_by(load.BatchQuantity, "Units of one batch.")
class BatchQuantityType:
    batch_id: strawberry.ID = id_field(StockBatch, "The batch's id.", by="batch_id")
    code: str = column("The batch code that is printed on the goods.")
    sell_by_date: date | None = column("The last day of sale; null when there is none.")
    quantity: int = column("Number of units.")


@backed_by(
    expiring_batches.MarkdownCandidate,
    "A batch of which units are expected to be unsold when it expires.",
)
class MarkdownCandidateType:
    batch: StockBatchType = column("The batch.")
    days_to_expiry: int = column("Days of sale left after today.")
    daily_sales: float = column("Units of the product sold a day, over the last 14 days.")
    surplus: int = column("Units that will be unsold at that rate.")


@backed_by(recalls.RecalledOrder, "An order that includes units of a recalled batch.")
class RecalledOrderType:
    order_id: strawberry.ID = id_field(Order, "The order.", by="order_id")
    code: str = column("Its short code, as on its bags.")
    customer_name: str | None = private_field(
        "customer_name",
        "Name of the customer; null for the store's staff a day after its end.",
        recalls.may_see_customer,
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that packed it.", by="store_id"
    )
    status: OrderStatus = column("Its status.")
    placed_at: datetime = column("Time when it was placed.")
    quantity: int = column("Units of the batch in the order.")


@backed_by(BatchRecall, "The recall of a batch: no store of the company may sell it.")
class BatchRecallType(NodeType):
    id: strawberry.ID = id_field(BatchRecall)
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    batch_code: str = column("The code of the batch.")
    reason: str = column("Why it was recalled.")
    recalled_at: datetime = column("When it was recalled.")
    batches: list[StockBatchType] | None = field(
        resolve.batches_of_recall,
        "Its batches in the caller's stores.",
        allow=STORE_OR_SUPPORT,
        cost=10,
        loads=load.batches_by_recall,
    )
    orders: ConnectionType[RecalledOrderType] | None = field(
        resolve.list_orders,
        "Orders of the caller's stores that include units of it which were not"
        " returned, newest first.",
        cost=5,
    )


StockWriteOffError = Annotated[
    NotFoundType | InvalidInputType | InsufficientStockType,
    strawberry.union("StockWriteOffError", description="Problems that `stockWriteOff` can return."),
]
BatchRecallCreateError = Annotated[
    NotFoundType | InvalidInputType,
    strawberry.union(
        "BatchRecallCreateError", description="Problems that `batchRecallCreate` can return."
    ),
]


@backed_by(resolve.WasteOutcome, "Result of `stockWriteOff`.")
class StockWriteOffPayload:
    stock_level: StockLevelType | None = field(
        resolve_stock.stock_of_entry, "The current stock level."
    )
    stock_movement: StockMovementType | None = column(
        "The new ledger entry; null if the mutation was rejected."
    )
    errors: list[StockWriteOffError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.RecallOutcome, "Result of `batchRecallCreate`.")
class BatchRecallCreatePayload:
    batch_recall: BatchRecallType | None = column("The recall; null when nothing was done.")
    errors: list[BatchRecallCreateError] = column("The problems; empty if the mutation succeeded.")
