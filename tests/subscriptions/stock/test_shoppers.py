"""What a store decides is seen by shoppers of another process within a second."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from models.identity import Grant, Role
from models.ids import encode
from models.stores import Store
from resolvers.context import House
from tests.support import city as cities
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import id_of, operation
from tests.support.streams.server_process import Process
from tests.support.streams.subscriber import Line, watching

WITHIN_SECONDS = 1.0
PAGE, TAP = operation("storefront_product"), operation("listing_set_availability")
PRICE = operation("listing_set_price")


@pytest.fixture
async def corner(house: House) -> City:
    """A city whose listings this test alone changes."""
    return await cities.build(house.database)


@pytest.fixture
def shopper(house: House, here: Process) -> Standing:
    """Somebody whose process hears of what others commit by Redis alone."""
    return Standing(replace(house, database=here.database, streams=here.hub))


@pytest.fixture
async def boss(house: House, there: Process, corner: City) -> Standing:
    """The store's manager, at work in another process."""
    grant = Grant(Role.STORE_MANAGER, corner.company.id, corner.near.id)
    return await stand(replace(house, database=there.database, streams=there.hub), "Boss", grant)


async def seen(lines: list[Line], since: float) -> list[Any]:
    """What each hears of the one product that changed, within a second from then."""
    messages = await asyncio.gather(*(line.next(seconds=5) for line in lines))
    assert time.monotonic() - since <= WITHIN_SECONDS
    return [change for message in messages for change in message["changes"]]


async def test_one_tap_and_a_price_are_seen_within_a_second(
    boss: Standing, shopper: Standing, corner: City
) -> None:
    product = id_of(corner.products[6])
    place: Any = {"storeId": encode(Store, corner.near.id)}
    listing = {**place, "productId": product}
    async with AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(watching(shopper, "inventory_changed", **wanted))
            for wanted in (place, {**place, "productIds": [product]})
        ]
        for line in lines:
            await line.next()
        for tapped, band in ((False, "OUT"), (True, "IN_STOCK")):
            since = time.monotonic()
            await boss.run(TAP, {"input": {**listing, "available": tapped}})
            changes = await seen(lines, since)
            page = await product_page(shopper, corner, product)
            assert time.monotonic() - since <= WITHIN_SECONDS
            assert {one["availability"] for one in [*changes, page]} == {band}
            assert {one["productId"] for one in changes} == {product}
        since = time.monotonic()
        await boss.run(PRICE, {"input": {**listing, "priceMinor": 42}})
        changes = [one["product"] for one in await seen(lines, since)]
        page = await product_page(shopper, corner, product)
        assert time.monotonic() - since <= WITHIN_SECONDS
        assert {one["price"]["minor"] for one in [*changes, page]} == {42}


async def product_page(who: Standing, city: City, product: str) -> Any:
    """A product's page as it is now."""
    found = await who.run(PAGE, {"at": city.point, "id": product})
    return found["storefront"]["product"]
