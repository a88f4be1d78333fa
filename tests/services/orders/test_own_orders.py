"""People with roles who are the customer of an order: what they may still do with it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryFailureReason
from models.fulfillment import FulfillmentRejectReason
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason
from models.payments import Payment, PaymentStatus, RefundReason
from models.support import TicketCategory
from services.checkout import cancellation
from services.core.problems import DomainError, InvalidTransition
from services.delivery import deliveries, dispatch, failed_attempts
from services.fulfillment import fulfillments, handover, rerouting
from services.orders import order_states
from services.payments import support_refunds
from services.support import tickets
from tests.support.city import City, build_city
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    order_dependencies,
    place_paid_order,
    write_as,
)
from tests.support.riders import (
    as_actor,
    bring_online,
    delivery_of,
    open_offer,
    pick_and_pack,
    take_step,
)
from tests.support.store_staff import accept_task


@pytest.fixture(scope="module")
async def desk(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as dependencies:
        yield dependencies


@pytest.fixture
async def city(database: Database) -> City:
    return await build_city(database)


async def person_with_every_role(database: Database, city: City) -> Actor:
    company, store = city.company.id, city.near.id
    grants = [
        Grant(Role.CUSTOMER),
        Grant(Role.SUPPORT_AGENT, company),
        Grant(Role.STORE_MANAGER, company, store),
        Grant(Role.COMPANY_ADMIN, company),
        Grant(Role.SUPER_ADMIN),
    ]
    return (await create_people(database, 1, *grants))[0]


async def own_order_problem(
    database: Database, actor: Actor, order: Order, step: Any, **arguments: Any
) -> None:
    """The step is refused, because the order is the actor's own."""
    with pytest.raises(DomainError) as caught:
        async with write_as(database, actor, order.company_id) as session:
            await step(session, actor=actor, **arguments)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidTransition), problem


async def test_a_support_agent_does_not_refund_the_own_order(
    desk: OrderDependencies, city: City
) -> None:
    """A support agent orders, gets the bags, and issues a refund of all of it by refundIssue."""
    me = await person_with_every_role(desk.database, city)
    order = await place_paid_order(desk, city, customer=me)
    async with desk.database.write(PLATFORM, ORIGIN) as session:
        captured = {
            "status": PaymentStatus.CAPTURED,
            "captured_amount_minor": Payment.authorized_amount_minor,
        }
        await session.execute(update(Payment).where(Payment.order_id == order.id).values(captured))
    given: dict[str, Any] = {"order_id": order.id, "amount_minor": 100, "note": ""}
    given |= {"reason": RefundReason.GOODWILL}
    await own_order_problem(desk.database, me, order, support_refunds.issue_refund, **given)
    (agent,) = await create_people(desk.database, 1, Grant(Role.SUPPORT_AGENT, city.company.id))
    async with write_as(desk.database, agent, order.company_id) as session:
        refund = await support_refunds.issue_refund(session, actor=agent, **given)
    assert refund.amount_minor == 100


async def test_a_support_agent_cancels_the_own_order_as_any_customer_does(
    desk: OrderDependencies, city: City
) -> None:
    """After packing customers may not cancel; an agent canceled the own order all the same."""
    me = await person_with_every_role(desk.database, city)
    order = await place_paid_order(desk, city, customer=me)
    fulfillment, picker = await accept_task(desk, city, order)
    await pick_and_pack(desk, fulfillment, picker)
    given: dict[str, Any] = {"order_id": order.id, "reason": OrderCancelReason.OTHER, "note": ""}
    await own_order_problem(desk.database, me, order, cancellation.cancel_order, **given)
    early = await place_paid_order(desk, city, customer=me)
    async with write_as(desk.database, me, early.company_id) as session:
        given |= {"order_id": early.id, "reason": OrderCancelReason.CHANGED_MIND}
        await cancellation.cancel_order(session, actor=me, **given)


async def test_store_staff_take_no_step_with_the_bags_of_their_own_order(
    desk: OrderDependencies, city: City
) -> None:
    """A manager orders from the own store, and would accept or reject the order alone."""
    me = await person_with_every_role(desk.database, city)
    order = await place_paid_order(desk, city, customer=me)
    [task] = await fulfillments_of(desk.database, order)
    here = {"fulfillment_id": task.id}
    await own_order_problem(desk.database, me, order, fulfillments.accept, **here)
    reason = {"reason": FulfillmentRejectReason.TOO_BUSY}
    await own_order_problem(desk.database, me, order, rerouting.reject, **here, **reason)


async def test_support_takes_no_step_with_the_delivery_of_the_own_order(
    desk: OrderDependencies, city: City
) -> None:
    """Support completes without a PIN and says why nobody opened: not for the own order."""
    me = await person_with_every_role(desk.database, city)
    rider = await bring_online(desk.database, city, 0)
    order = await place_paid_order(desk, city, customer=me)
    fulfillment, picker = await accept_task(desk, city, order)
    delivery = await delivery_of(desk.database, order)
    offer = await open_offer(desk.database, delivery)
    assert offer is not None
    async with write_as(desk.database, rider, order.company_id) as session:
        await dispatch.accept_offer(session, actor=rider, offer_id=offer.id)
    here = {"delivery_id": delivery.id}
    await own_order_problem(desk.database, me, order, deliveries.unassign, **here)
    await pick_and_pack(desk, fulfillment, picker)
    await take_step(desk.database, rider, delivery, deliveries.arrive_at_store)
    await own_order_problem(desk.database, me, order, handover.pick_up, **here)
    await own_order_problem(desk.database, me, order, deliveries.complete, **here)
    reason = {"reason": DeliveryFailureReason.RECIPIENT_REFUSED}
    await own_order_problem(
        desk.database, me, order, failed_attempts.fail_attempt, **here, **reason
    )


async def test_a_rider_is_never_offered_the_own_order(desk: OrderDependencies, city: City) -> None:
    """The nearest rider is the customer: the delivery goes to the next one."""
    me = as_actor(city.riders[0])
    await bring_online(desk.database, city, 0, north_m=50)
    other = await bring_online(desk.database, city, 1, north_m=500)
    order = await place_paid_order(desk, city, customer=me)
    await accept_task(desk, city, order)
    offer = await open_offer(desk.database, await delivery_of(desk.database, order))
    assert offer is not None
    assert offer.rider_person_id == other.person_id


async def test_an_agent_resolves_no_ticket_about_the_own_order(
    desk: OrderDependencies, city: City
) -> None:
    """An agent complains about the own order and would answer and refund it as support."""
    me = await person_with_every_role(desk.database, city)
    order = await place_paid_order(desk, city, customer=me)
    given: dict[str, Any] = {"order_id": order.id, "kind": TicketCategory.ITEM_MISSING}
    async with write_as(desk.database, me, order.company_id) as session:
        ticket = await tickets.open_ticket(
            session, actor=me, **given, subject="Milk", body="None came."
        )
    key = {"ticket_id": ticket.id}
    await own_order_problem(desk.database, me, order, tickets.resolve, **key, resolution="Paid.")
    await own_order_problem(desk.database, me, order, tickets.assign, **key)


async def test_the_actions_shown_for_the_own_order_are_the_customers(
    desk: OrderDependencies, city: City
) -> None:
    """`availableActions` offers what is possible: REFUND is not, CANCEL as for any customer is."""
    me = await person_with_every_role(desk.database, city)
    order = await place_paid_order(desk, city, customer=me)
    async with desk.database.read(PLATFORM) as session:
        progress = await order_states.read_progress(session, order)
    actions = order_states.MACHINE.available_actions(progress, me)
    assert actions == ["CANCEL", "CHANGE", "OPEN_TICKET"]
