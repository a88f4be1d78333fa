"""A store's shelf: numbers for its staff, bands for everybody else, seven messages a second."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest

from database.scope import PLATFORM
from database.sessions import Origin
from models.catalog import Listing, Product
from models.ids import encode
from models.stock import Stock
from models.stores import Store
from resolvers.context import House
from services.events.event_log import happened, inventory_stream
from services.stock import stock_rows
from tests.support import city as cities
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.streams.subscriber import watching

ORIGIN = Origin("test:stock")
ON_HAND = 50


@pytest.fixture
async def corner(house: House) -> City:
    """A city whose stock this test alone changes."""
    return await cities.build(house.database, on_hand=ON_HAND)


async def count(house: House, city: City, index: int, on_hand: int) -> None:
    """Somebody counted the shelf."""
    async with house.database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(
            Stock, {"store_id": city.near.id, "product_id": city.products[index].id}
        )
        row.on_hand = on_hand
        row.version += 1
        await session.flush()
        stock_rows.announce(session, [row])


def shown(city: City, *indexes: int) -> list[str]:
    return [encode(Product, city.products[index].id) for index in indexes]


def shelf(who: Standing, city: City, name: str = "inventory_changed", **more: Any) -> Any:
    return watching(who, name, storeId=encode(Store, city.near.id), **more)


async def test_strangers_get_bands_and_hear_of_a_product_only_when_its_band_is_another(
    nobody: Standing, house: House, corner: City
) -> None:
    async with shelf(nobody, corner, productIds=shown(corner, 0, 1)) as line:
        snapshot = await line.next()
        assert snapshot["kind"] == "SNAPSHOT"
        assert {one["availability"] for one in snapshot["changes"]} == {"IN_STOCK"}
        assert sorted(one["productId"] for one in snapshot["changes"]) == sorted(
            shown(corner, 0, 1)
        )
        assert snapshot["changes"][0]["product"]["price"]["currency"] == "EUR"
        await count(house, corner, 0, 40)
        await count(house, corner, 2, 0)
        await count(house, corner, 0, 3)
        [change] = (await line.next())["changes"]
        assert (change["productId"], change["availability"]) == (*shown(corner, 0), "LOW")
        await count(house, corner, 1, 0)
        [change] = (await line.next())["changes"]
        assert (change["productId"], change["availability"]) == (*shown(corner, 1), "OUT")


async def test_numbers_are_for_the_staff_of_the_store(
    nobody: Standing, customer: Standing, picker: Standing, house: House, town: City, corner: City
) -> None:
    for stranger, code in ((nobody, "UNAUTHENTICATED"), (customer, "FORBIDDEN")):
        async with shelf(
            stranger, corner, "inventory_counted", productIds=shown(corner, 0)
        ) as line:
            answer = await line.answer()
            assert {one["extensions"]["code"] for one in answer.errors or []} == {code}
            assert answer.data is not None
            [change] = answer.data["inventoryChanged"]["changes"]
            assert change["onHand"] is change["held"] is change["available"] is None
    async with shelf(picker, corner, "inventory_counted", productIds=shown(corner, 0)) as line:
        [change] = (await line.next())["changes"]
        assert change["onHand"] is None  # staff, but of another company's store
    async with shelf(picker, town, "inventory_counted", productIds=shown(town, 0)) as line:
        [change] = (await line.next())["changes"]
        assert change["onHand"] - change["held"] == change["available"]
        assert change["version"] >= 1


async def test_many_changes_at_once_are_told_at_most_seven_times_a_second(
    super_admin: Standing, house: House, corner: City
) -> None:
    async with shelf(super_admin, corner, "inventory_counted") as line:
        assert (await line.next())["changes"] == []
        started = time.monotonic()
        for units in range(60):
            await count(house, corner, units % 3, 100 + units)
        latest: dict[str, int] = {}
        while sorted(latest.values()) != [157, 158, 159]:
            message = await line.next()
            changed = [one["productId"] for one in message["changes"]]
            assert len(changed) == len(set(changed))
            latest.update((one["productId"], one["onHand"]) for one in message["changes"])
        spent = time.monotonic() - started
        assert len(line.seen) - 1 <= 7 * spent + 2
    last = line.seen[-1]["cursor"]
    async with shelf(super_admin, corner, "inventory_counted", after=last) as line:
        with pytest.raises(TimeoutError):
            await line.next(seconds=0.5)


async def test_a_cut_listener_continues_with_what_changed_meanwhile(
    nobody: Standing, house: House, corner: City
) -> None:
    async with shelf(nobody, corner, productIds=shown(corner, 0, 1)) as line:
        cursor = (await line.next())["cursor"]
    await count(house, corner, 0, 2)
    async with shelf(nobody, corner, productIds=shown(corner, 0, 1), after=cursor) as line:
        message = await line.next()
    assert message["kind"] == "EVENT"
    assert [one["availability"] for one in message["changes"]] == ["LOW"]


async def test_a_product_that_is_switched_off_is_out_whatever_its_stock(
    nobody: Standing, house: House, corner: City
) -> None:
    product = corner.products[0].id
    async with shelf(nobody, corner) as line:
        assert (await line.next())["changes"] == []
        await switch(house, corner, product, False)
        [change] = (await line.next())["changes"]
        assert change["availability"] == "OUT"
        await count(house, corner, 0, 60)
        await asyncio.sleep(0.3)
        await switch(house, corner, product, True)
        [change] = (await line.next())["changes"]
        assert change["availability"] == "IN_STOCK"


async def switch(house: House, city: City, product_id: UUID, available: bool) -> None:
    async with house.database.write(PLATFORM, ORIGIN) as session:
        place = {"store_id": city.near.id, "product_id": product_id}
        listing = await session.get_one(Listing, place)
        listing.available = available
        body = {"product_id": product_id, "price_minor": 1, "available": available, "version": 2}
        stream = inventory_stream(city.near.id)
        happened(session, stream, "LISTING_CHANGED", body, company_id=city.company.id)


async def test_wrong_stores_and_products_are_clear_errors(nobody: Standing, corner: City) -> None:
    async with watching(nobody, "inventory_changed", storeId="sto_x") as line:
        assert await line.refused() == "NOT_FOUND"
    async with shelf(nobody, corner, productIds=["x"]) as line:
        assert await line.refused() == "NOT_FOUND"
    async with shelf(nobody, corner, productIds=[]) as line:
        assert await line.refused() == "INVALID_INPUT"
    many = [encode(Product, UUID(int=n << 64)) for n in range(1, 202)]
    async with shelf(nobody, corner, productIds=many) as line:
        assert await line.refused() == "INVALID_INPUT"
