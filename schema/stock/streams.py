"""The stream of a store's inventory: its messages and its root field."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load
from models.catalog import Availability, Product
from models.events import StreamMessageKind
from resolvers.rules import ANYONE, STORE
from schema.backing import backed_by, column, related, stream
from schema.fields import id_field
from schema.stream_messages import CURSOR, KIND
from subscriptions.stock import inventory, inventory_state

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(inventory_state.StockChange, "The current stock of one product.")
class StockChangeType:
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load.product_by_store_and_id,
        "The product as this store sells it; null when the store does not list it.",
        by="store_and_product",
    )
    availability: Availability = column("Customer-facing stock level.")
    on_hand: int | None = column("Units on hand; null except for the store's staff.", allow=STORE)
    reserved: int | None = column(
        "Units reserved for unpaid orders; null except for the store's staff.",
        allow=STORE,
    )
    available: int | None = column(
        "Units available for sale; null except for the store's staff.", allow=STORE
    )
    version: int | None = column(
        "Version for expectedVersion; null except for the store's staff.",
        allow=STORE,
    )


@backed_by(
    inventory.StockChanged,
    "A message about a store's inventory, at most seven per second: staff receive every change,"
    " others changes of availability and price.",
)
class StockChangedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    changes: list[StockChangeType] = column(
        "In an EVENT the products that changed, each once. In a SNAPSHOT or LAGGED the products of"
        " `productIds` as they are; empty without `productIds`: read the products of the store"
        " after it, and apply the events that follow."
    )


@strawberry.type
class StockSubscription:
    stock_changed: AsyncIterator[StockChangedType] = stream(
        inventory.watch_inventory, "Streams the changes of a store's inventory.", allow=ANYONE
    )
