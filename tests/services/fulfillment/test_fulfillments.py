"""A store's work on an order: who may take which step, and how it ends early."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import CancelReason
from services import checkout
from services.core.problems import IllegalStep, NotFound, Refused, VersionConflict
from services.fulfillment import fulfillments, picking, picking_states
from services.fulfillment.picking import Pick
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import Doors, opened, paid, picker, tasks, unexplained
from tests.support.store_staff import accepted, on_hand, refused, step


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def test_of_two_pickers_one_accepts(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = [await picker(database, city.near) for _ in range(4)]
    answers = await asyncio.gather(
        *(step(database, one, task, fulfillments.accept) for one in staff), return_exceptions=True
    )
    won = [one for one in answers if isinstance(one, Fulfillment)]
    lost = [one for one in answers if isinstance(one, Refused)]
    assert (len(won), len(lost)) == (1, 3), answers
    for one in lost:
        (reason,) = one.reasons
        assert isinstance(reason, IllegalStep)
        assert (reason.state, reason.legal) == ("ACCEPTED", ["PICK_LINE"])
    seen = await refused(
        database, staff[0], task, fulfillments.accept, expected_version=task.version
    )
    assert isinstance(seen, VersionConflict)
    assert seen.current == task.version + 1


async def test_a_task_whose_ride_is_under_way_is_not_accepted_again(
    doors: Doors, city: City
) -> None:
    """A ride that outlived its task, as after a restore: a reason, not a broken request."""
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        again = await session.get_one(Fulfillment, task.id)
        again.status, again.version = FulfillmentStatus.QUEUED, again.version + 1
    reason = await refused(doors.database, staff, task, fulfillments.accept)
    assert isinstance(reason, IllegalStep)
    assert reason.path == ["input", "fulfillmentId"]
    assert (await tasks(doors.database, order))[0].status is FulfillmentStatus.QUEUED


async def test_strangers_are_told_that_there_is_no_such_task(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    others = [await picker(database, city.next), await picker(database, city.second.stores[0])]
    for stranger in (*others, admin, Actor(order.customer_id)):
        assert picking_states.available_actions(task, [], stranger) == []
        reason = await refused(database, stranger, task, fulfillments.accept)
        assert isinstance(reason, NotFound)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(Refused):
                await fulfillments.visible(session, actor=stranger, fulfillment_id=task.id)
            with pytest.raises(Refused):
                await fulfillments.queue(
                    session, actor=stranger, store_id=city.near.id, first=1, cursor=None
                )


async def test_canceling_puts_back_what_was_found_and_writes_off_the_rest(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city)
    task, staff = await accepted(doors, city, order)
    await step(database, staff, task, picking.pick_line, pick=Pick(0, code="P001"))
    async with database.write(PLATFORM, ORIGIN) as session:
        actor = Actor(order.customer_id)
        why = CancelReason.CHANGED_MIND
        await checkout.cancel_order(session, actor=actor, order_id=order.id, reason=why)
    assert (await tasks(database, order))[0].status is FulfillmentStatus.CANCELED
    assert await on_hand(database, city.near, city, 0) == 48
    assert await on_hand(database, city.near, city, 1) == 50
    assert await unexplained(database, city) == []


async def test_the_queue_is_read_page_by_page(doors: Doors, city: City) -> None:
    for _ in range(3):
        await paid(doors, city, 1, (5,))
    staff = await picker(doors.database, city.near)
    seen, cursor = [], None
    async with doors.database.read(staff.scope()) as session:
        while True:
            page = await fulfillments.queue(
                session, actor=staff, store_id=city.near.id, first=2, cursor=cursor
            )
            seen += [row.id for row in page.nodes]
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                break
    assert len(seen) == 3
    assert seen == sorted(seen)


def test_every_state_offers_exactly_the_steps_of_the_table() -> None:
    offered = {state: picking_states.legal(state, []) for state in FulfillmentStatus}
    for action, states in picking_states.STEPS.items():
        assert {state for state, steps in offered.items() if action in steps} == states
