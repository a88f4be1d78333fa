"""Bags that wait in the store, and whom the timers tell."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderStatus
from models.support import TicketCategory
from models.timers import DEFAULT_TIMERS
from services.checkout import cancellation
from services.events.event_log import store_queue_stream
from services.fulfillment import fulfillments, picking
from services.fulfillment.waiting_bags import REMINDER_SECONDS
from tests.support import riders
from tests.support.carried_bags import open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import change_store, pickup_request, place
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    lines_of,
    reload_order,
    write_as,
)
from tests.support.store_staff import accept_task, event_types, run_step
from tests.support.tickets import create_agent, resolve_cases

WAIT_SECONDS = DEFAULT_TIMERS.packed_wait_seconds
CASE = [TicketCategory.BAGS_WAITING]


async def packed_pickup(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor]:
    """An order that its customer collects, its task, which is packed and not staged, its picker."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order = await place(dependencies, pickup_request(city))
    await authorize(database, order)
    task, staff = await accept_task(dependencies, city, order)
    for line in await lines_of(database, task):
        pick = picking.LinePick(line.quantity, line.id)
        await run_step(database, staff, task, picking.pick_line, pick=pick)
    task = await run_step(database, staff, task, picking.pack, bags=1)
    return await reload_order(database, order), task, staff


async def let_time_pass(database: Database, task: Fulfillment, seconds: int) -> None:
    """Move the packing and the timer into the past, and run the job."""
    async with database.write(PLATFORM, ORIGIN) as session:
        time = timedelta(seconds=seconds)
        earlier = {
            "packed_at": Fulfillment.packed_at - time,
            "next_step_due_at": Fulfillment.next_step_due_at - time,
        }
        await session.execute(update(Fulfillment).where(Fulfillment.id == task.id).values(earlier))
    await jobs.report_waiting_bags(database)


async def count_told(database: Database, city: City) -> int:
    return (await event_types(database, store_queue_stream(city.near.id))).count(
        "FULFILLMENT_STALLED"
    )


async def test_a_packed_pickup_that_is_not_staged_becomes_a_case(
    dependencies: OrderDependencies, city: City
) -> None:
    """The bags of a customer who collects are forgotten on the packing table.

    No rider waits for them. The store used to be told once, and then nobody for ever.
    """
    database = dependencies.database
    order, task, staff = await packed_pickup(dependencies, city)
    for told, cases in ((1, []), (2, CASE)):
        await let_time_pass(database, task, WAIT_SECONDS + 1)
        assert (await count_told(database, city), await open_cases(database, order)) == (
            told,
            cases,
        )
    await run_step(database, staff, task, fulfillments.stage)
    assert await open_cases(database, order) == []


async def test_support_ends_a_packed_pickup_that_nobody_stages(
    dependencies: OrderDependencies, city: City
) -> None:
    """The store does not answer: support cancels the order of the case, which ends with it."""
    database = dependencies.database
    order, task, _ = await packed_pickup(dependencies, city)
    for _ in range(2):
        await let_time_pass(database, task, WAIT_SECONDS + 1)
    assert await open_cases(database, order) == CASE
    agent = await create_agent(database, city)
    async with write_as(database, agent, order.company_id) as session:
        reason = OrderCancelReason.OTHER
        await cancellation.cancel_order(session, actor=agent, order_id=order.id, reason=reason)
    assert (await reload_order(database, order)).status is OrderStatus.CANCELED
    assert await open_cases(database, order) == []


@pytest.mark.parametrize("status", [FulfillmentStatus.PACKED, FulfillmentStatus.STAGED])
async def test_a_case_about_waiting_bags_is_opened_again_while_they_wait(
    dependencies: OrderDependencies, city: City, status: FulfillmentStatus
) -> None:
    """An agent resolves the case, and the store does nothing all the same."""
    database = dependencies.database
    if status is FulfillmentStatus.PACKED:
        order, task, _ = await packed_pickup(dependencies, city)
        await let_time_pass(database, task, WAIT_SECONDS + 1)
    else:
        order, task, staff, _ = await riders.accepted_order(dependencies, city)
        await riders.pick_and_pack(dependencies, task, staff)
    await let_time_pass(database, task, WAIT_SECONDS + 1)
    for _ in range(2):
        assert await open_cases(database, order) == CASE
        told = await count_told(database, city)
        await resolve_cases(database, city, order)
        await jobs.report_waiting_bags(database)
        assert (await count_told(database, city), await open_cases(database, order)) == (told, [])
        await let_time_pass(database, task, REMINDER_SECONDS + 1)
        assert (await count_told(database, city), await open_cases(database, order)) == (
            told + 1,
            CASE,
        )
