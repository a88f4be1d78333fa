"""Stock changes that are followed."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.catalog import Product
from models.ids import encode_id
from models.stock import StockLevel
from models.stores import Store
from resolvers.context import Container
from services.stock.stock_writer import publish_stock_changed
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.streams.subscriber import GraphSubscription, subscribe

ORIGIN = AuditContext("test:stock")


async def set_on_hand(container: Container, city: City, index: int, on_hand: int) -> None:
    """Set the units on hand of a product in the near store and record the event."""
    async with container.database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(
            StockLevel, {"store_id": city.near.id, "product_id": city.products[index].id}
        )
        row.on_hand = on_hand
        row.version += 1
        await session.flush()
        publish_stock_changed(session, [row])


def product_ids(city: City, *indexes: int) -> list[str]:
    """Return the public ids of products."""
    return [encode_id(Product, city.products[index].id) for index in indexes]


def subscribe_inventory(
    who: ActorClient, city: City, name: str = "stock_changed", **more: Any
) -> AbstractAsyncContextManager[GraphSubscription]:
    """Subscribe to the inventory of the near store as an actor."""
    return subscribe(who, name, storeId=encode_id(Store, city.near.id), **more)
