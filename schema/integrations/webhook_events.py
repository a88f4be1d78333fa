from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import catalog as load_catalog
from dataloaders import orders as load_orders
from dataloaders import purchasing as load_purchasing
from dataloaders import stores as load_stores
from resolvers.integrations import webhook_events as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import key
from services.integrations import webhook_topics

if TYPE_CHECKING:
    from schema.catalog.products import Product
    from schema.orders.orders import Order
    from schema.purchasing.purchase_orders import PurchaseOrder
    from schema.stores.stores import Store


@backed_by(webhook_topics.StockFact, "What a shelf held of one product right after the event.")
class WebhookStockFact:
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product as it is now; null when the store does not list it.",
        by="place",
    )
    on_hand: int = column("Units on the shelf.")
    held: int = column("Units of them promised to orders that are not paid yet.")
    available: int = column("Units that could still be sold.")
    version: int = column("Grows with each change: an older one is out of date.")


@backed_by(
    webhook_topics.Happening,
    "Something that happened in a company, as endpoints hear of it. What it leads to is shown as it"
    " is when it is told, or newer than the event.",
)
class WebhookEvent:
    id: strawberry.ID = field(resolve.event_id, "Its id, the same however often it is told.")
    type: str = column("What happened: one of `webhookTopics`.")
    sequence: int = field(
        resolve.sequence, "Its number among the events of its order or store: 1, 2, 3 …"
    )
    occurred_at: datetime = field(resolve.occurred_at, "When, by the database's clock.")
    order_id: strawberry.ID | None = key(models.Order, "The order's id.", by="order_id")
    order: Annotated["Order", strawberry.lazy("schema.orders.orders")] | None = related(
        load_orders.order_by_id, "The order; null for events of stores.", by="order_id"
    )
    store_id: strawberry.ID | None = key(models.Store, "The store's id.", by="store_id")
    store: Annotated["Store", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store.", by="store_id"
    )
    product_id: strawberry.ID | None = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product, of events that speak of one.",
        by="place",
    )
    purchase_order: (
        Annotated["PurchaseOrder", strawberry.lazy("schema.purchasing.purchase_orders")] | None
    ) = related(
        load_purchasing.purchase_order_by_id,
        "The order to a supplier, of events that speak of one.",
        by="purchase_order_id",
    )
    changes: list[WebhookStockFact] = column("What a STOCK_CHANGED changed; else nothing.")
