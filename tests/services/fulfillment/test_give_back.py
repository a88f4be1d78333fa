"""Accepted tasks that go back to the queue, and what the next picker finds."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.accounts import Membership
from models.fulfillment import Fulfillment, FulfillmentLineStatus, FulfillmentStatus
from models.identity import Actor
from models.timers import DEFAULT_TIMERS
from services.core.clock import current_time
from services.core.problems import InvalidTransition, NotFound
from services.events.event_log import order_stream, store_queue_stream
from services.fulfillment import fulfillments, give_back, picking, rerouting
from services.fulfillment.picking import LinePick
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
    unexplained_stock,
)
from tests.support.store_staff import (
    accept_task,
    event_types,
    make_overdue,
    refusal_of_step,
    run_step,
)

STALLED, GIVEN_BACK = "FULFILLMENT_STALLED", "FULFILLMENT_GIVEN_BACK"
QUEUED, PICKING = FulfillmentStatus.QUEUED, FulfillmentStatus.PICKING


async def now(database: Database, task: Fulfillment) -> Fulfillment:
    """The fulfillment as it is now."""
    async with database.read(PLATFORM) as session:
        return await session.get_one(Fulfillment, task.id)


async def dismiss(database: Database, staff: Actor) -> None:
    """Revoke all roles of a person."""
    async with database.write(PLATFORM, ORIGIN) as session:
        of_person = Membership.person_id == staff.person_id
        await session.execute(
            update(Membership).where(of_person).values(revoked_at=func.clock_timestamp())
        )


async def test_a_picker_gives_a_task_back_and_another_one_continues(
    dependencies: OrderDependencies, city: City
) -> None:
    """A picker has to leave in the middle of an order.

    The task could not be given back: it hung with somebody who was gone. The next picker finds what
    was picked, packs the rest, and the rider who was found stays.
    """
    database = dependencies.database
    order, task, staff, delivery = await riders.accepted_order(dependencies, city)
    first, *others = await lines_of(database, task)
    pick = LinePick(first.quantity, first.id)
    await run_step(database, staff, task, picking.pick_line, pick=pick)
    returned = await run_step(database, staff, task, give_back.give_back)
    assert (returned.status, returned.picker_id) == (QUEUED, None)
    assert returned.next_step_due_at is not None
    assert await unexplained_stock(database, city) == []
    problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(problem, InvalidTransition)
    colleague = await create_picker(database, city.near)
    taken = await run_step(database, colleague, task, fulfillments.accept)
    assert (taken.status, taken.picker_id) == (PICKING, colleague.person_id)
    assert (await riders.delivery_of(database, order)).id == delivery.id
    assert (await lines_of(database, task))[0].status is FulfillmentLineStatus.FOUND
    for line in others:
        pick = LinePick(line.quantity, line.id)
        await run_step(database, colleague, task, picking.pick_line, pick=pick)
    packed = await run_step(database, colleague, task, picking.pack, bags=1)
    assert packed.status is FulfillmentStatus.PACKED
    assert await unexplained_stock(database, city) == []
    assert GIVEN_BACK in await event_types(database, order_stream(order.id))


async def test_only_staff_of_the_store_gives_a_task_back_and_only_while_it_is_picked(
    dependencies: OrderDependencies, city: City
) -> None:
    """A colleague of another store tries to, and somebody tries after packing."""
    database = dependencies.database
    task, staff = await accept_task(dependencies, city, await place_paid_order(dependencies, city))
    stranger = await create_picker(database, city.next)
    problem = await refusal_of_step(database, stranger, task, give_back.give_back)
    assert isinstance(problem, NotFound)
    await riders.pick_and_pack(dependencies, task, staff)
    problem = await refusal_of_step(database, staff, task, give_back.give_back)
    assert isinstance(problem, InvalidTransition)


async def test_a_task_that_is_idle_for_ten_minutes_goes_back_to_the_queue(
    dependencies: OrderDependencies, city: City
) -> None:
    """A picker accepts an order and forgets it: it was told once, and nothing else happened."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    assert task.next_step_due_at is not None
    assert task.accepted_at is not None
    assert (
        task.next_step_due_at - task.accepted_at
    ).total_seconds() == DEFAULT_TIMERS.picking_idle_seconds
    await jobs.give_back_stalled_tasks(database)
    assert (await now(database, task)).status is FulfillmentStatus.ACCEPTED
    await make_overdue(database, task)
    await jobs.give_back_stalled_tasks(database)
    returned = await now(database, task)
    assert (returned.status, returned.picker_id) == (QUEUED, None)
    assert returned.next_step_due_at is not None
    assert DEFAULT_TIMERS.accept_seconds < DEFAULT_TIMERS.picking_idle_seconds
    for stream in (order_stream(order.id), store_queue_stream(city.near.id)):
        assert (await event_types(database, stream)).count(STALLED) == 1
    await run_step(database, staff, task, fulfillments.accept)


@pytest.mark.parametrize("picks", [False, True], ids=["nothing picked", "half picked"])
async def test_a_half_picked_task_has_more_time_before_it_moves(
    dependencies: OrderDependencies, city: City, picks: bool
) -> None:
    """A picker left with half of the order in the bags; it moved to another store after 45 s.

    There everything was picked anew, while a colleague could have gone on. When nobody does, it
    moves, and what is in the bags is put back.
    """
    database = dependencies.database
    task, staff = await accept_task(dependencies, city, await place_paid_order(dependencies, city))
    if picks:
        line = (await lines_of(database, task))[0]
        await run_step(
            database, staff, task, picking.pick_line, pick=LinePick(line.quantity, line.id)
        )
    async with database.read(PLATFORM) as session:
        before = await current_time(session)
    returned = await run_step(database, staff, task, give_back.give_back)
    assert returned.next_step_due_at is not None
    seconds = DEFAULT_TIMERS.resume_seconds if picks else DEFAULT_TIMERS.accept_seconds
    async with database.read(PLATFORM) as session:
        after = await current_time(session)
    wait = timedelta(seconds=seconds)
    assert before + wait <= returned.next_step_due_at <= after + wait
    await make_overdue(database, task)
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await rerouting.time_out(session, task.id)
    assert (await now(database, task)).put_back_is_open is picks
    assert await unexplained_stock(database, city) == []


async def test_the_task_of_a_dismissed_picker_goes_back_to_the_queue(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store's employee is dismissed with an order in hand, which nobody else looks after."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    kept, _ = await accept_task(dependencies, city, await place_paid_order(dependencies, city))
    await jobs.give_back_stalled_tasks(database)
    assert (await now(database, task)).picker_id == staff.person_id
    await dismiss(database, staff)
    await jobs.give_back_stalled_tasks(database)
    assert (await now(database, task)).status is QUEUED
    assert (await now(database, kept)).status is FulfillmentStatus.ACCEPTED
    assert GIVEN_BACK in await event_types(database, order_stream(order.id))


async def test_packed_and_queued_tasks_are_not_stalled(
    dependencies: OrderDependencies, city: City
) -> None:
    """Neither waits for a picker's next step."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    await riders.pick_and_pack(dependencies, task, staff)
    (packed,) = await fulfillments_of(database, order)
    (queued,) = await fulfillments_of(database, await place_paid_order(dependencies, city))
    await make_overdue(database, queued)
    await jobs.give_back_stalled_tasks(database)
    assert STALLED not in await event_types(database, store_queue_stream(city.near.id))
    assert (await now(database, packed)).version == packed.version
