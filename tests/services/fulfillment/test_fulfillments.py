"""A store's work on an order: who can take which step, and how it ends early."""

import asyncio

import pytest

from database.scope import PLATFORM
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import OrderCancelReason
from services.checkout import cancellation
from services.core.problems import DomainError, InvalidTransition, NotFound, VersionConflict
from services.fulfillment import fulfillment_states, fulfillments, picking
from services.fulfillment.picking import LinePick
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    place_paid_order,
    unexplained_stock,
)
from tests.support.store_staff import accept_task, on_hand, refusal_of_step, run_step


async def test_of_two_pickers_one_accepts(dependencies: OrderDependencies, city: City) -> None:
    """Both press at once, and would pick the same order twice."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    staff = [await create_picker(database, city.near) for _ in range(4)]
    results = await asyncio.gather(
        *(run_step(database, result, fulfillment, fulfillments.accept) for result in staff),
        return_exceptions=True,
    )
    accepted = [result for result in results if isinstance(result, Fulfillment)]
    refused = [result for result in results if isinstance(result, DomainError)]
    assert (len(accepted), len(refused)) == (1, 3), results
    for result in refused:
        (problem,) = result.problems
        assert isinstance(problem, InvalidTransition)
        assert (problem.current_status, problem.allowed_actions) == (
            "ACCEPTED",
            ["PICK_LINE", "GIVE_BACK"],
        )
    conflict = await refusal_of_step(
        database, staff[0], fulfillment, fulfillments.accept, expected_version=fulfillment.version
    )
    assert isinstance(conflict, VersionConflict)
    assert conflict.current_version == fulfillment.version + 1


async def test_a_fulfillment_with_an_open_delivery_is_not_accepted_again(
    dependencies: OrderDependencies, city: City
) -> None:
    """The delivery outlived its fulfillment, as after a restore: a problem, not a server error."""
    order = await place_paid_order(dependencies, city)
    fulfillment, staff = await accept_task(dependencies, city, order)
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        queued = await session.get_one(Fulfillment, fulfillment.id)
        queued.status, queued.accepted_at = FulfillmentStatus.QUEUED, None
        queued.version += 1
    problem = await refusal_of_step(dependencies.database, staff, fulfillment, fulfillments.accept)
    assert isinstance(problem, InvalidTransition)
    assert problem.path == ["input", "fulfillmentId"]
    assert (await fulfillments_of(dependencies.database, order))[
        0
    ].status is FulfillmentStatus.QUEUED


async def test_people_of_other_stores_get_not_found(
    dependencies: OrderDependencies, city: City
) -> None:
    """The id of a task tells staff of another store that there is such an order."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    others = [
        await create_picker(database, city.next),
        await create_picker(database, city.second.stores[0]),
    ]
    for stranger in (*others, admin, Actor(order.customer_id)):
        assert fulfillment_states.available_actions(fulfillment, [], stranger) == []
        problem = await refusal_of_step(database, stranger, fulfillment, fulfillments.accept)
        assert isinstance(problem, NotFound)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(DomainError):
                await fulfillments.visible_fulfillment(
                    session, actor=stranger, fulfillment_id=fulfillment.id
                )
            with pytest.raises(DomainError):
                await fulfillments.store_queue(
                    session, actor=stranger, store_id=city.near.id, first=1, cursor=None
                )


async def test_canceling_restocks_found_units_and_writes_off_the_rest(
    dependencies: OrderDependencies, city: City
) -> None:
    """What was not found on the shelf came back to the books as if it were there."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    fulfillment, staff = await accept_task(dependencies, city, order)
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(0, code="P001"))
    async with database.write(PLATFORM, ORIGIN) as session:
        actor = Actor(order.customer_id)
        reason = OrderCancelReason.CHANGED_MIND
        await cancellation.cancel_order(session, actor=actor, order_id=order.id, reason=reason)
    assert (await fulfillments_of(database, order))[0].status is FulfillmentStatus.CANCELED
    assert await on_hand(database, city.near, city, 0) == 48
    assert await on_hand(database, city.near, city, 1) == 50
    assert await unexplained_stock(database, city) == []


async def test_the_queue_is_read_page_by_page(dependencies: OrderDependencies, city: City) -> None:
    for _ in range(3):
        await place_paid_order(dependencies, city, 1, (5,))
    staff = await create_picker(dependencies.database, city.near)
    ids, cursor = [], None
    async with dependencies.database.read(staff.scope()) as session:
        while True:
            page = await fulfillments.store_queue(
                session, actor=staff, store_id=city.near.id, first=2, cursor=cursor
            )
            ids += [fulfillment.id for fulfillment in page.nodes]
            cursor = page.page_info.end_cursor
            if not page.page_info.has_next_page:
                break
    assert len(ids) == 3
    assert ids == sorted(ids)


def test_every_status_offers_exactly_the_actions_of_the_table() -> None:
    actions_by_status = {
        status: fulfillment_states.MACHINE.legal_actions(status) for status in FulfillmentStatus
    }
    for transition in fulfillment_states.MACHINE.transitions:
        offering = {
            status for status, actions in actions_by_status.items() if transition.action in actions
        }
        assert offering >= transition.sources
