"""Changes that a store makes in one process reach shoppers in another process at once."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from models.identity import Grant, Role
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from tests.support import city as cities
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation, public_id
from tests.support.streams.server_process import StreamProcess
from tests.support.streams.subscriber import GraphSubscription, subscribe

PAGE, SET_AVAILABILITY = operation("storefront_product"), operation("listing_availability_set")
SET_PRICE = operation("listing_price_set")


@pytest.fixture
async def own_city(container: Container) -> City:
    """A city whose listings only this test changes."""
    return await cities.build_city(container.database)


@pytest.fixture
def shopper(without_sweeps: None, container: Container, process: StreamProcess) -> ActorClient:
    """A client of a process that receives the events of other processes through Redis."""
    return ActorClient(replace(container, database=process.database, streams=process.hub))


@pytest.fixture
async def manager(
    container: Container, other_process: StreamProcess, own_city: City
) -> ActorClient:
    """The store's manager, in another process."""
    grant = Grant(Role.STORE_MANAGER, own_city.company.id, own_city.near.id)
    return await create_client(
        replace(container, database=other_process.database, streams=other_process.hub),
        "Manager",
        grant,
    )


async def received_changes(subscriptions: list[GraphSubscription]) -> list[Any]:
    """Return the changes in the next message of each subscription."""
    messages = await asyncio.gather(*(one.next_message() for one in subscriptions))
    return [change for message in messages for change in message["changes"]]


async def test_availability_and_price_changes_reach_another_process_without_a_sweep(
    manager: ActorClient, shopper: ActorClient, own_city: City
) -> None:
    product_id = public_id(own_city.products[6])
    store: Any = {"storeId": encode_id(Store, own_city.near.id)}
    listing = {**store, "productId": product_id}
    async with AsyncExitStack() as stack:
        subscriptions = [
            await stack.enter_async_context(subscribe(shopper, "stock_changed", **arguments))
            for arguments in (store, {**store, "productIds": [product_id]})
        ]
        for subscription in subscriptions:
            await subscription.next_message()
        for available, expected in ((False, "OUT_OF_STOCK"), (True, "IN_STOCK")):
            await manager.run(SET_AVAILABILITY, {"input": {**listing, "published": available}})
            changes = await received_changes(subscriptions)
            page = await product_page(shopper, own_city, product_id)
            assert {row["availability"] for row in [*changes, page]} == {expected}
            assert {change["productId"] for change in changes} == {product_id}
        await manager.run(SET_PRICE, {"input": {**listing, "priceMinor": 42}})
        products = [change["product"] for change in await received_changes(subscriptions)]
        page = await product_page(shopper, own_city, product_id)
        assert {row["price"]["minorUnits"] for row in [*products, page]} == {42}


async def product_page(who: ActorClient, city: City, product_id: str) -> Any:
    """Read a product's page."""
    data = await who.run(PAGE, {"location": city.point, "id": product_id})
    return data["storefront"]["product"]
