"""Scheduled prices: started and ended by the job, visible to customers within a second."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs import catalog
from jobs.runner import JobDependencies, run_jobs
from jobs.schedule import JOBS
from models.catalog import Listing, ScheduledPrice, ScheduledPriceStatus
from models.events import Event
from models.identity import Actor
from models.ids import decode_id
from resolvers.context import Container
from services.events.event_log import inventory_stream
from tests.support import city as cities
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.streams.subscriber import subscribe

SCHEDULE, CANCEL = operation("listing_price_schedule"), operation("scheduled_price_cancel")
LIST = operation("scheduled_prices")
STOREFRONT_PRICE = """
query ($id: ID!, $location: GeoPointInput!) {
  storefront(location: $location) { product(id: $id) { price { minorUnits } } }
}
"""


def hours(count: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=count)).isoformat()


def schedule_input(
    city: City, index: int, price: int, start: float, end: float | None, **more: Any
) -> Any:
    variables = {"storeId": public_id(city.near), "productId": public_id(city.products[index])}
    times = {"startsAt": hours(start), "endsAt": None if end is None else hours(end)}
    return {"input": {**variables, "priceMinor": price, **times, **more}}


async def schedule(ask: GraphRunner, staff: Actor, variables: Any) -> str:
    answer = (await ask(SCHEDULE, variables, staff)).data["listingPriceSchedule"]
    assert answer["errors"] == []
    assert answer["scheduledPrice"]["availableActions"] == ["CANCEL"]
    return str(answer["scheduledPrice"]["id"])


async def refusals(ask: GraphRunner, actor: Actor, variables: Any) -> list[tuple[str, list[str]]]:
    answer = await ask(SCHEDULE, variables, actor)
    errors = answer.data["listingPriceSchedule"]["errors"]
    return [(error["__typename"], error["path"]) for error in errors]


async def shift(database: Database, id: str, seconds: float) -> None:
    """Move a scheduled price to start (or end, if active) in `seconds`, keeping its length."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        row = await session.get_one(ScheduledPrice, decode_id(ScheduledPrice, id))
        now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        length = row.ends_at - row.starts_at if row.ends_at else None
        is_active = row.status is ScheduledPriceStatus.ACTIVE
        starts_at = (
            now + timedelta(seconds=seconds) - (length if is_active and length else timedelta())
        )
        ends_at = starts_at + length if length else None
        values = {
            "starts_at": starts_at,
            "ends_at": ends_at,
            "due_at": ends_at if is_active else starts_at,
        }
        await session.execute(
            update(ScheduledPrice).where(ScheduledPrice.id == row.id).values(**values)
        )


async def price(database: Database, city: City, index: int) -> int:
    async with database.read_public() as session:
        row = await session.get_one(Listing, (city.near.id, city.products[index].id))
        return row.price_minor


async def status(database: Database, id: str) -> ScheduledPriceStatus:
    async with database.read(PLATFORM) as session:
        return (await session.get_one(ScheduledPrice, decode_id(ScheduledPrice, id))).status


@pytest.mark.leaves("ScheduledPrice.ACTIVE")
async def test_a_scheduled_price_applies_in_its_period_and_the_previous_one_is_restored(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    key = await schedule(ask, staff, schedule_input(city, 0, 150, 1, 2))
    assert (await catalog.apply_due_prices(database), await price(database, city, 0)) == (0, 199)
    await shift(database, key, -1)
    assert await catalog.apply_due_prices(database) == 1
    assert (await price(database, city, 0), await status(database, key)) == (150, "ACTIVE")
    await shift(database, key, -1)
    assert await catalog.apply_due_prices(database) == 1
    assert (await price(database, city, 0), await status(database, key)) == (199, "ENDED")
    async with database.read(PLATFORM) as session:
        rows = select(Event.body).where(Event.stream == inventory_stream(city.near.id))
        bodies = await session.scalars(rows.order_by(Event.seq))
        prices = [body["price_minor"] for body in bodies]
    assert prices == [150, 199]


async def test_a_price_set_by_staff_is_not_reverted_and_missed_periods_are_skipped(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    key = await schedule(ask, staff, schedule_input(city, 1, 150, 1, 2))
    missed = await schedule(ask, staff, schedule_input(city, 2, 150, 1, 2))
    forever = await schedule(ask, staff, schedule_input(city, 3, 777, 1, None))
    await shift(database, key, -1)
    await shift(database, missed, -7200)
    await shift(database, forever, -7200)
    assert await catalog.apply_due_prices(database) == 3
    assert [await price(database, city, n) for n in (1, 2, 3)] == [150, 399, 777]
    assert await status(database, forever) is ScheduledPriceStatus.ENDED
    set_price = operation("listing_price_set")
    variables = schedule_input(city, 1, 333, 0, None)["input"]
    price_input = {name: variables[name] for name in ("storeId", "productId", "priceMinor")}
    assert not (await ask(set_price, {"input": price_input}, staff)).errors
    await shift(database, key, -1)
    assert await catalog.apply_due_prices(database) == 1
    assert await price(database, city, 1) == 333


async def test_one_period_ends_before_the_next_begins(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    first = await schedule(ask, staff, schedule_input(city, 4, 150, 1, 2))
    await shift(database, first, -1)
    await catalog.apply_due_prices(database)
    second = await schedule(ask, staff, schedule_input(city, 4, 140, 3, 4))
    await shift(database, first, -1)
    await shift(database, second, -1)
    assert await catalog.apply_due_prices(database) == 2
    assert await price(database, city, 4) == 140
    await shift(database, second, -1)
    await catalog.apply_due_prices(database)
    assert await price(database, city, 4) == 599


async def test_overlaps_are_refused_but_adjacent_periods_are_allowed(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    await schedule(ask, staff, schedule_input(city, 0, 150, 10, 12))
    overlap = [("ScheduledPriceOverlap", ["input", "startsAt"])]
    for start, end in ((9, 11), (11, 13), (10.5, 11), (9, 13), (11, None)):
        assert await refusals(ask, staff, schedule_input(city, 0, 140, start, end)) == overlap
    edge = hours(14)
    await schedule(ask, staff, schedule_input(city, 0, 140, 13, 14, endsAt=edge))
    await schedule(ask, staff, schedule_input(city, 0, 130, 14, 15, startsAt=edge))
    await schedule(ask, staff, schedule_input(city, 1, 140, 11, 13))


async def test_of_two_concurrent_overlapping_schedules_one_is_refused(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    both = await asyncio.gather(
        *(refusals(ask, staff, schedule_input(city, 5, 100 + n, 1, 2)) for n in range(2))
    )
    assert sorted(map(len, both)) == [0, 1]


async def test_cancel_ends_an_active_price_only_once(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    key = await schedule(ask, staff, schedule_input(city, 0, 150, 1, 2))
    await shift(database, key, -1)
    await catalog.apply_due_prices(database)
    variables = {"input": {"scheduledPriceId": key}}
    answer = (await ask(CANCEL, variables, staff)).data["scheduledPriceCancel"]
    assert answer["scheduledPrice"]["status"] == "CANCELED"
    assert answer["scheduledPrice"]["product"]["price"] == {"minorUnits": 199}
    [error] = (await ask(CANCEL, variables, staff)).data["scheduledPriceCancel"]["errors"]
    assert (error["__typename"], error["currentStatus"], error["allowedActions"]) == (
        "InvalidTransition",
        "CANCELED",
        [],
    )


async def test_invalid_schedules_are_refused_with_their_path(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    cases = [
        (schedule_input(city, 0, 0, 1, 2), "priceMinor"),
        (schedule_input(city, 0, -5, 1, 2), "priceMinor"),
        (schedule_input(city, 0, 100, -1, 2), "startsAt"),
        (schedule_input(city, 0, 100, 2, 1), "endsAt"),
        (schedule_input(city, 0, 100, 1, 24 * 400), "endsAt"),
        (schedule_input(city, 0, 100, 24 * 400, None), "startsAt"),
    ]
    for variables, field in cases:
        assert await refusals(ask, staff, variables) == [("InvalidInput", ["input", field])], (
            variables
        )


async def test_scheduled_prices_of_other_companies_are_not_found(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor, owner: Actor
) -> None:
    key = await schedule(ask, owner, schedule_input(city, 0, 150, 1, 2))
    variables = {"input": {"scheduledPriceId": key}}
    here = {"storeId": public_id(city.near)}
    [error] = (await ask(CANCEL, variables, stranger)).data["scheduledPriceCancel"]["errors"]
    assert error["__typename"] == "NotFound"
    assert await refusals(ask, stranger, schedule_input(city, 0, 1, 3, 4)) == [
        ("NotFound", ["input", "storeId"])
    ]
    elsewhere = schedule_input(city, 0, 1, 3, 4, storeId=public_id(city.next))
    assert await refusals(ask, staff, elsewhere) == [("NotFound", ["input", "storeId"])]
    assert (await ask(LIST, here, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, here, buyer)).codes == ["FORBIDDEN"]
    nodes = (await ask(LIST, here | {"status": "SCHEDULED"}, staff)).data["scheduledPrices"][
        "nodes"
    ]
    assert [node["id"] for node in nodes] == [key]


async def test_customers_see_a_scheduled_price_when_its_time_comes(
    container: Container, nobody: ActorClient, staff: Actor
) -> None:
    city, index = await cities.build_city(container.database), 6
    grant = staff.grants[0]
    boss = Actor(staff.person_id, None, (type(grant)(grant.role, city.company.id, city.near.id),))
    key = await schedule(
        GraphRunner(container.database), boss, schedule_input(city, index, 111, 1, None)
    )
    jobs = [job for job in JOBS if job.name == "price_change.apply_due"]
    assert [job.interval_seconds <= 0.5 for job in jobs] == [True]
    stop = asyncio.Event()
    dependencies = JobDependencies(container.database, container.payments, *[cast(Any, None)] * 5)
    worker = asyncio.create_task(run_jobs(jobs, dependencies, stop))
    product = public_id(city.products[index])
    try:
        here: Any = {"storeId": public_id(city.near), "productIds": [product]}
        async with subscribe(nobody, "stock_changed", **here) as line:
            await line.next_message()
            await shift(container.database, key, 0.5)
            message = await line.next_message()
            storefront = await nobody.run(STOREFRONT_PRICE, {"id": product, "location": city.point})
    finally:
        stop.set()
        await worker
    assert message["changes"][0]["productId"] == product
    assert storefront["storefront"]["product"]["price"] == {"minorUnits": 111}
