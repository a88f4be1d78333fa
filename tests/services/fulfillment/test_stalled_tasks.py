"""Tasks that a picker left lying."""

from collections.abc import AsyncIterator

import pytest

from database.sessions import Database
from jobs.fulfillment import fulfillments as jobs
from models.fulfillment import Fulfillment
from services.events.event_log import order_stream, store_queue_stream
from services.fulfillment import picking
from services.fulfillment.picking import Pick
from services.fulfillment.stalled_tasks import STALL_SECONDS
from tests.support import riders
from tests.support.city import City
from tests.support.paid_orders import Doors, lines, opened, paid, tasks
from tests.support.store_staff import accepted, overdue, step, told

STALLED = "FULFILLMENT_STALLED"


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


async def test_a_task_that_stands_still_is_told_of_once_until_it_goes_on(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    streams = order_stream(order.id), store_queue_stream(city.near.id)

    async def count(now: Fulfillment | None = None) -> list[int]:
        if now is not None:
            await overdue(database, now)
        await jobs.tell_stalled(database)
        return [(await told(database, stream)).count(STALLED) for stream in streams]

    assert task.due_at is not None
    assert task.accepted_at is not None
    assert (task.due_at - task.accepted_at).total_seconds() == STALL_SECONDS
    assert await count() == [0, 0]
    assert await count(task) == [1, 1]
    assert await count() == [1, 1]
    line = (await lines(database, task))[0]
    pick = Pick(line.quantity, line.id)
    await step(database, staff, task, picking.pick_line, pick=pick)
    assert await count() == [1, 1]
    assert await count(task) == [2, 2]


async def test_a_packed_task_and_one_that_nobody_took_stand_still_in_silence(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    await riders.packed(doors, task, staff)
    (packed,) = await tasks(database, order)
    assert packed.due_at is None
    (waiting,) = await tasks(database, await paid(doors, city))
    await overdue(database, waiting)
    await jobs.tell_stalled(database)
    assert STALLED not in await told(database, store_queue_stream(city.near.id))
