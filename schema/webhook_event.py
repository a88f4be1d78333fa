from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import order as load_order
from dataloaders import product as load_product
from dataloaders import purchase_order as load_purchase
from dataloaders import store as load_store
from resolvers import webhook_event as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import key
from services import webhook_topic

if TYPE_CHECKING:
    from schema.order import Order
    from schema.product import Product
    from schema.purchase_order import PurchaseOrder
    from schema.store import Store


@backed_by(webhook_topic.StockFact, "What a shelf held of one product right after the event.")
class WebhookStockFact:
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.product")] | None = related(
        load_product.offer_by_store_and_product,
        "The product as it is now; null when the store does not list it.",
        by="place",
    )
    on_hand: int = column("Units on the shelf.")
    held: int = column("Units of them promised to orders that are not paid yet.")
    available: int = column("Units that could still be sold.")
    version: int = column("Grows with each change: an older one is out of date.")


@backed_by(
    webhook_topic.Happening,
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
    order: Annotated["Order", strawberry.lazy("schema.order")] | None = related(
        load_order.order_by_id, "The order; null for events of stores.", by="order_id"
    )
    store_id: strawberry.ID | None = key(models.Store, "The store's id.", by="store_id")
    store: Annotated["Store", strawberry.lazy("schema.store")] | None = related(
        load_store.store_by_id, "The store.", by="store_id"
    )
    product_id: strawberry.ID | None = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.product")] | None = related(
        load_product.offer_by_store_and_product,
        "The product, of events that speak of one.",
        by="place",
    )
    purchase_order: Annotated["PurchaseOrder", strawberry.lazy("schema.purchase_order")] | None = (
        related(
            load_purchase.purchase_order_by_id,
            "The order to a supplier, of events that speak of one.",
            by="purchase_order_id",
        )
    )
    changes: list[WebhookStockFact] = column("What a STOCK_CHANGED changed; else nothing.")
