from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from dataloaders import orders as load_orders
from dataloaders import purchasing as load_purchasing
from dataloaders import stores as load_stores
from models.catalog import Product
from models.orders import Order
from models.stores import Store
from resolvers.integrations import webhook_events as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from services.integrations import webhook_events

if TYPE_CHECKING:
    from schema.catalog.products import ProductType
    from schema.orders.orders import OrderType
    from schema.purchasing.purchase_orders import PurchaseOrderType
    from schema.stores.stores import StoreType


@backed_by(webhook_events.StockSnapshot, "Stock level of a product right after the event.")
class StockLevelSnapshotType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product as it is now; null if the store does not list it.",
        by="place",
    )
    on_hand: int = column("Units on hand.")
    reserved: int = column("Units reserved for orders that are not paid yet.")
    available: int = column("Available units.")
    version: int = column("Increases with each change; a lower value is outdated.")


@backed_by(
    webhook_events.WebhookEvent,
    "An event of a company, as it is sent to webhook endpoints. Related objects"
    " have their state at the time of sending, which may be newer than the"
    " event.",
)
class WebhookEventType:
    id: strawberry.ID = field(resolve.event_id, "Its id, the same for all deliveries and attempts.")
    type: str = column("Type of the event: one of `webhookEventTypes`.")
    sequence: int = field(
        resolve.sequence, "Sequence number among the events of its order or store: 1, 2, 3 …"
    )
    occurred_at: datetime = field(resolve.occurred_at, "Time by the database's clock.")
    order_id: strawberry.ID | None = id_field(Order, "The order's id.", by="order_id")
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order; null for events of stores.", by="order_id"
    )
    store_id: strawberry.ID | None = id_field(Store, "The store's id.", by="store_id")
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store.", by="store_id"
    )
    product_id: strawberry.ID | None = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product, if the event is about one.",
        by="place",
    )
    purchase_order: (
        Annotated["PurchaseOrderType", strawberry.lazy("schema.purchasing.purchase_orders")] | None
    ) = related(
        load_purchasing.purchase_order_by_id,
        "The purchase order, if the event is about one.",
        by="purchase_order_id",
    )
    stock_changes: list[StockLevelSnapshotType] = column(
        "The changes of a STOCK_CHANGED event; empty otherwise."
    )
