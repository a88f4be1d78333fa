"""Planned prices: asked and taken back by the clock, seen by shoppers within a second."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs import catalog
from jobs.runner import Hands, run_all
from jobs.schedule import JOBS
from models.catalog import Listing, PriceChange, PriceChangeStatus
from models.events import Event
from models.identity import Actor
from models.ids import decode
from resolvers.context import House
from services.events.event_log import inventory_stream
from tests.support import city as cities
from tests.support.actors import Standing
from tests.support.city import City
from tests.support.graph_queries import Asking, id_of, operation
from tests.support.streams.subscriber import watching

SCHEDULE, CANCEL = operation("listing_price_schedule"), operation("listing_price_cancel")
LIST = operation("price_changes")
WINDOW_PRICE = """
query ($id: ID!, $at: GeoPointInput!) {
  storefront(at: $at) { product(id: $id) { price { minor } } }
}
"""


def hours(count: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=count)).isoformat()


def plan(city: City, index: int, price: int, start: float, end: float | None, **more: Any) -> Any:
    given = {"storeId": id_of(city.near), "productId": id_of(city.products[index])}
    times = {"startsAt": hours(start), "endsAt": None if end is None else hours(end)}
    return {"input": {**given, "priceMinor": price, **times, **more}}


async def planned(ask: Asking, staff: Actor, given: Any) -> str:
    told = (await ask(SCHEDULE, given, staff)).data["listingPriceSchedule"]
    assert told["errors"] == []
    assert told["priceChange"]["availableActions"] == ["CANCEL"]
    return str(told["priceChange"]["id"])


async def refusals(ask: Asking, actor: Actor, given: Any) -> list[tuple[str, list[str]]]:
    told = await ask(SCHEDULE, given, actor)
    errors = told.data["listingPriceSchedule"]["errors"]
    return [(one["__typename"], one["path"]) for one in errors]


async def shift(database: Database, id: str, seconds: float) -> None:
    """Let a planned price's times be so many seconds from now, its length kept."""
    async with database.write(PLATFORM, Origin("test")) as session:
        row = await session.get_one(PriceChange, decode(PriceChange, id))
        now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        length = row.ends_at - row.starts_at if row.ends_at else None
        started = row.status is PriceChangeStatus.ACTIVE
        begins = now + timedelta(seconds=seconds) - (length if started and length else timedelta())
        ends = begins + length if length else None
        values = {"starts_at": begins, "ends_at": ends, "due_at": ends if started else begins}
        await session.execute(update(PriceChange).where(PriceChange.id == row.id).values(**values))


async def price(database: Database, city: City, index: int) -> int:
    async with database.public() as session:
        row = await session.get_one(Listing, (city.near.id, city.products[index].id))
        return row.price_minor


async def status(database: Database, id: str) -> PriceChangeStatus:
    async with database.read(PLATFORM) as session:
        return (await session.get_one(PriceChange, decode(PriceChange, id))).status


async def test_a_price_is_asked_in_its_hours_and_the_one_before_comes_back(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    key = await planned(ask, staff, plan(city, 0, 150, 1, 2))
    assert (await catalog.apply_due(database), await price(database, city, 0)) == (0, 199)
    await shift(database, key, -1)
    assert await catalog.apply_due(database) == 1
    assert (await price(database, city, 0), await status(database, key)) == (150, "ACTIVE")
    await shift(database, key, -1)
    assert await catalog.apply_due(database) == 1
    assert (await price(database, city, 0), await status(database, key)) == (199, "DONE")
    async with database.read(PLATFORM) as session:
        rows = select(Event.body).where(Event.stream == inventory_stream(city.near.id))
        told = [one["price_minor"] for one in await session.scalars(rows.order_by(Event.seq))]
    assert told == [150, 199]


async def test_a_price_set_by_hand_meanwhile_stays_and_slept_over_hours_are_let_go(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    key = await planned(ask, staff, plan(city, 1, 150, 1, 2))
    missed = await planned(ask, staff, plan(city, 2, 150, 1, 2))
    forever = await planned(ask, staff, plan(city, 3, 777, 1, None))
    await shift(database, key, -1)
    await shift(database, missed, -7200)
    await shift(database, forever, -7200)
    assert await catalog.apply_due(database) == 3
    assert [await price(database, city, n) for n in (1, 2, 3)] == [150, 399, 777]
    assert await status(database, forever) is PriceChangeStatus.DONE
    set_price = operation("listing_set_price")
    given = plan(city, 1, 333, 0, None)["input"]
    by_hand = {name: given[name] for name in ("storeId", "productId", "priceMinor")}
    assert not (await ask(set_price, {"input": by_hand}, staff)).errors
    await shift(database, key, -1)
    assert await catalog.apply_due(database) == 1
    assert await price(database, city, 1) == 333


async def test_one_window_ends_before_the_next_begins(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    first = await planned(ask, staff, plan(city, 4, 150, 1, 2))
    await shift(database, first, -1)
    await catalog.apply_due(database)
    second = await planned(ask, staff, plan(city, 4, 140, 3, 4))
    await shift(database, first, -1)
    await shift(database, second, -1)
    assert await catalog.apply_due(database) == 2
    assert await price(database, city, 4) == 140
    await shift(database, second, -1)
    await catalog.apply_due(database)
    assert await price(database, city, 4) == 599


async def test_overlaps_are_refused_and_touching_is_none(
    ask: Asking, city: City, staff: Actor
) -> None:
    await planned(ask, staff, plan(city, 0, 150, 10, 12))
    overlap = [("ScheduleOverlap", ["input", "startsAt"])]
    for start, end in ((9, 11), (11, 13), (10.5, 11), (9, 13), (11, None)):
        assert await refusals(ask, staff, plan(city, 0, 140, start, end)) == overlap
    edge = hours(14)
    await planned(ask, staff, plan(city, 0, 140, 13, 14, endsAt=edge))
    await planned(ask, staff, plan(city, 0, 130, 14, 15, startsAt=edge))
    await planned(ask, staff, plan(city, 1, 140, 11, 13))


async def test_two_who_plan_at_once_do_not_both_get_their_hour(
    ask: Asking, city: City, staff: Actor
) -> None:
    both = await asyncio.gather(
        *(refusals(ask, staff, plan(city, 5, 100 + n, 1, 2)) for n in range(2))
    )
    assert sorted(map(len, both)) == [0, 1]


async def test_canceling_ends_what_is_asked_and_only_once(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    key = await planned(ask, staff, plan(city, 0, 150, 1, 2))
    await shift(database, key, -1)
    await catalog.apply_due(database)
    given = {"input": {"priceChangeId": key}}
    told = (await ask(CANCEL, given, staff)).data["listingPriceCancel"]
    assert told["priceChange"]["status"] == "CANCELED"
    assert told["priceChange"]["product"]["price"] == {"minor": 199}
    [error] = (await ask(CANCEL, given, staff)).data["listingPriceCancel"]["errors"]
    assert (error["__typename"], error["state"], error["legal"]) == ("IllegalStep", "CANCELED", [])


async def test_what_cannot_be_is_refused_by_field(ask: Asking, city: City, staff: Actor) -> None:
    cases = [
        (plan(city, 0, 0, 1, 2), "priceMinor"),
        (plan(city, 0, -5, 1, 2), "priceMinor"),
        (plan(city, 0, 100, -1, 2), "startsAt"),
        (plan(city, 0, 100, 2, 1), "endsAt"),
        (plan(city, 0, 100, 1, 24 * 400), "endsAt"),
        (plan(city, 0, 100, 24 * 400, None), "startsAt"),
        (plan(city, 0, 100, 1, 2, startsAt="9999-12-31T23:59:59-10:00"), "startsAt"),
        (plan(city, 0, 100, 1, 2, startsAt="2027-01-01T00:00:00"), "startsAt"),
    ]
    for given, field in cases:
        assert await refusals(ask, staff, given) == [("InvalidInput", ["input", field])], given


async def test_planned_prices_of_others_are_not_found(
    ask: Asking, city: City, staff: Actor, stranger: Actor, buyer: Actor, owner: Actor
) -> None:
    key = await planned(ask, owner, plan(city, 0, 150, 1, 2))
    given = {"input": {"priceChangeId": key}}
    here = {"storeId": id_of(city.near)}
    [error] = (await ask(CANCEL, given, stranger)).data["listingPriceCancel"]["errors"]
    assert error["__typename"] == "NotFound"
    assert await refusals(ask, stranger, plan(city, 0, 1, 3, 4)) == [
        ("NotFound", ["input", "storeId"])
    ]
    elsewhere = plan(city, 0, 1, 3, 4, storeId=id_of(city.next))
    assert await refusals(ask, staff, elsewhere) == [("NotFound", ["input", "storeId"])]
    assert (await ask(LIST, here, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, here, buyer)).codes == ["FORBIDDEN"]
    nodes = (await ask(LIST, here | {"status": "SCHEDULED"}, staff)).data["priceChanges"]["nodes"]
    assert [one["id"] for one in nodes] == [key]


async def test_shoppers_see_a_planned_price_within_a_second(
    house: House, nobody: Standing, staff: Actor
) -> None:
    city, index = await cities.build(house.database), 6
    grant = staff.grants[0]
    boss = Actor(staff.person_id, None, (type(grant)(grant.role, city.company.id, city.near.id),))
    key = await planned(Asking(house.database), boss, plan(city, index, 111, 1, None))
    jobs = [one for one in JOBS if one.name == "price_change.apply_due"]
    stop = asyncio.Event()
    hands = Hands(house.database, house.payments, *[cast(Any, None)] * 3)
    worker = asyncio.create_task(run_all(jobs, hands, stop))
    product = id_of(city.products[index])
    try:
        here: Any = {"storeId": id_of(city.near), "productIds": [product]}
        async with watching(nobody, "inventory_changed", **here) as line:
            await line.next()
            await shift(house.database, key, 0.5)
            due = time.monotonic() + 0.5
            message = await line.next()
            took = time.monotonic() - due
            shown = await nobody.run(WINDOW_PRICE, {"id": product, "at": city.point})
    finally:
        stop.set()
        await worker
    assert message["changes"][0]["productId"] == product
    assert shown["storefront"]["product"]["price"] == {"minor": 111}
    assert took <= 1.0
