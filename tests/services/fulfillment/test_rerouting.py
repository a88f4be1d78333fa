"""A store that says no, or nothing: the order moves to the second store, or ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from jobs.fulfillment import fulfillments as jobs
from models.fulfillment import FulfillmentStatus, RejectReason
from models.orders import CancelReason, OrderStatus
from models.stock import StockReason
from models.stores import Store, StoreStatus
from services.events.event_log import order_stream
from services.fulfillment import rerouting
from services.stock import movements
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    Doors,
    fresh,
    lines,
    opened,
    paid,
    payment_of,
    picker,
    tasks,
    unexplained,
)
from tests.support.store_staff import on_hand, overdue, step, told, undisturbed


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def test_silence_sends_the_order_to_the_second_store(doors: Doors, city: City) -> None:
    database = doors.database
    await undisturbed(database)
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    assert await jobs.time_out(database) == 0
    await overdue(database, task)
    assert sum(await asyncio.gather(*(jobs.time_out(database) for _ in range(3)))) == 1
    first, second = await tasks(database, order)
    assert (first.status, first.due_at) == (FulfillmentStatus.TIMED_OUT, None)
    assert (second.status, second.attempt) == (FulfillmentStatus.QUEUED, 2)
    assert second.store_id == city.next.id
    moved = await fresh(database, order)
    assert (moved.store_id, moved.status) == (city.next.id, OrderStatus.CONFIRMED)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 48
    assert await unexplained(database, city) == []
    assert len(await lines(database, second)) == 3
    events = await told(database, order_stream(order.id))
    assert events[-2:] == ["FULFILLMENT_TIMED_OUT", "FULFILLMENT_QUEUED"]


async def test_without_a_second_store_a_rejected_order_is_canceled(
    doors: Doors, city: City
) -> None:
    database = doors.database
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Store, city.next.id)).status = StoreStatus.PAUSED
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    why = RejectReason.TOO_BUSY
    done = await step(database, staff, task, rerouting.reject, reason=why)
    assert (done.status, done.reject_reason) == (FulfillmentStatus.REJECTED, why)
    order = await fresh(database, order)
    canceled = (OrderStatus.CANCELED, CancelReason.NO_STORE)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).void_wanted
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained(database, city) == []


async def test_a_store_that_lacks_a_line_is_not_the_second_store(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        broken = {city.products[1].id: 49}
        place = (city.next.id, city.company.id)
        assert not await movements.take(session, *place, broken, StockReason.DAMAGE, "", None)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    why = RejectReason.CLOSING
    await step(database, staff, task, rerouting.reject, reason=why)
    assert (await fresh(database, order)).cancel_reason is CancelReason.NO_STORE
    assert await unexplained(database, city) == []


async def test_an_order_ends_when_every_store_has_said_no(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    why = RejectReason.OUT_OF_STOCK
    await step(database, await picker(database, city.near), task, rerouting.reject, reason=why)
    _, second = await tasks(database, order)
    assert (second.store_id, second.status) == (city.next.id, FulfillmentStatus.QUEUED)
    assert await on_hand(database, city.next, city, 0) == 48
    await step(database, await picker(database, city.next), second, rerouting.reject, reason=why)
    assert len(await tasks(database, order)) == 2
    assert (await fresh(database, order)).cancel_reason is CancelReason.NO_STORE
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 50
    assert await unexplained(database, city) == []
