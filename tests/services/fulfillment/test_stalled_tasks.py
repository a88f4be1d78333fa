"""Fulfillments on which the picker stopped working."""

from collections.abc import AsyncIterator

import pytest

from database.sessions import Database
from jobs import fulfillment as jobs
from models.fulfillment import Fulfillment
from services.events.event_log import order_stream, store_queue_stream
from services.fulfillment import picking
from services.fulfillment.picking import LinePick
from services.fulfillment.stalled_tasks import MAX_IDLE_SECONDS
from tests.support import riders
from tests.support.city import City
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    lines_of,
    order_dependencies,
    place_paid_order,
)
from tests.support.store_staff import accept_task, event_types, make_overdue, run_step

STALLED = "FULFILLMENT_STALLED"


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def test_a_stalled_fulfillment_is_reported_once_until_it_changes(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    fulfillment, staff = await accept_task(dependencies, city, order)
    streams = order_stream(order.id), store_queue_stream(city.near.id)

    async def count(overdue: Fulfillment | None = None) -> list[int]:
        if overdue is not None:
            await make_overdue(database, overdue)
        await jobs.report_stalled_tasks(database)
        return [(await event_types(database, stream)).count(STALLED) for stream in streams]

    assert fulfillment.due_at is not None
    assert fulfillment.accepted_at is not None
    assert (fulfillment.due_at - fulfillment.accepted_at).total_seconds() == MAX_IDLE_SECONDS
    assert await count() == [0, 0]
    assert await count(fulfillment) == [1, 1]
    assert await count() == [1, 1]
    line = (await lines_of(database, fulfillment))[0]
    pick = LinePick(line.quantity, line.id)
    await run_step(database, staff, fulfillment, picking.pick_line, pick=pick)
    assert await count() == [1, 1]
    assert await count(fulfillment) == [2, 2]


async def test_packed_and_queued_fulfillments_are_not_reported_as_stalled(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    fulfillment, staff = await accept_task(dependencies, city, order)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    (packed,) = await fulfillments_of(database, order)
    assert packed.due_at is None
    (queued,) = await fulfillments_of(database, await place_paid_order(dependencies, city))
    await make_overdue(database, queued)
    await jobs.report_stalled_tasks(database)
    assert STALLED not in await event_types(database, store_queue_stream(city.near.id))
