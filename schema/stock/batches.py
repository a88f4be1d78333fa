from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import catalog as load_catalog
from dataloaders import stock as load
from dataloaders import stores as load_stores
from resolvers.rules import STORE_OR_SUPPORT
from resolvers.stock import batches as resolve
from resolvers.stock import stock as resolve_stock
from schema.backing import backed_by, column, field, related
from schema.carts.basket_problems import InsufficientStock
from schema.fields import key
from schema.nodes import Node
from schema.pages import Connection
from schema.problems import InvalidInput, NotFound
from schema.stock.stock import Stock, StockEntry
from services.stock import expiring_batches, recalls

if TYPE_CHECKING:
    from schema.catalog.products import Product
    from schema.stores.stores import Store


@backed_by(models.StockBatch, "Units of a product in a store that came and expire together.")
class StockBatch(Node):
    id: strawberry.ID = key(models.StockBatch)
    store: Annotated["Store", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store.", by="store_id"
    )
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product; null when the store does not list it.",
        by="place",
    )
    code: str = column("What is printed on it.")
    expires_on: date | None = column("The last day of sale; null when there is none.")
    status: models.BatchStatus = column("Whether it may be sold.")
    on_hand: int = column(
        "Units on the shelf, sold ones that are not picked yet among them.",
        allow=STORE_OR_SUPPORT,
    )
    damaged: int = column("Units of it that are set aside.", allow=STORE_OR_SUPPORT)
    received_at: datetime = column("When it first came.")


@backed_by(load.BatchShare, "So many units of a batch.")
class BatchShare:
    batch_id: strawberry.ID = key(models.StockBatch, "The batch's id.", by="batch_id")
    code: str = column("What is printed on it.")
    expires_on: date | None = column("The last day of sale; null when there is none.")
    quantity: int = column("How many units.")


@backed_by(expiring_batches.Markdown, "A batch of which units will be left when it expires.")
class Markdown:
    batch: StockBatch = column("The batch.")
    days_left: int = column("Whole days of sale after today.")
    daily_sales: float = column("Units of the product sold a day, over the last 14 days.")
    surplus: int = column("Units that will be left over if sales go on like that.")


@backed_by(recalls.RecalledOrder, "An order that got units of a recalled batch.")
class RecalledOrder:
    order_id: strawberry.ID = key(models.Order, "The order.", by="order_id")
    code: str = column("Its short code, as on its bags.")
    customer_name: str = column("Whose it is.")
    store: Annotated["Store", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store that packed it.", by="store_id"
    )
    status: models.OrderStatus = column("Where it stands.")
    placed_at: datetime = column("When it was placed.")
    quantity: int = column("Units of the batch that it got.")


@backed_by(models.BatchRecall, "A batch that must not be sold in any store of its company.")
class BatchRecall(Node):
    id: strawberry.ID = key(models.BatchRecall)
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_id, "The product.", by="product_id"
    )
    batch_code: str = column("The code of the batch.")
    reason: str = column("Why it was recalled.")
    at: datetime = column("When it was recalled.")
    batches: list[StockBatch] = related(
        load.batches_by_recall, "What of it came to which store.", allow=STORE_OR_SUPPORT, cost=10
    )
    orders: Connection[RecalledOrder] = field(
        resolve.orders,
        "The orders that got units of it and have not brought them back, the newest first.",
        cost=5,
    )


BatchWasteError = Annotated[
    NotFound | InvalidInput | InsufficientStock,
    strawberry.union("BatchWasteError", description="Why nothing was written off."),
]
BatchRecallError = Annotated[
    NotFound | InvalidInput,
    strawberry.union("BatchRecallError", description="Why the batch is still sold."),
]


@backed_by(resolve.WasteOutcome, "What batchWaste did.")
class BatchWastePayload:
    stock: Stock | None = field(resolve_stock.of_entry, "The shelf as it is now.")
    entry: StockEntry | None = column("The new line of the ledger; null when nothing was done.")
    errors: list[BatchWasteError] = column("Every reason why nothing was done.")


@backed_by(resolve.RecallOutcome, "What batchRecall did.")
class BatchRecallPayload:
    recall: BatchRecall | None = column("The recall; null when nothing was done.")
    errors: list[BatchRecallError] = column("Every reason why nothing was done.")
