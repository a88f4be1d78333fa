"""Every state of a delivery that is not final has a timer, and somebody who is told."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as fulfillment_jobs
from models.delivery import FINAL_DELIVERY_STATUSES, Delivery, DeliveryStatus
from models.events import OrderEventKind
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderAction, OrderCancelReason, OrderStatus
from models.support import TicketCategory
from models.timers import DEFAULT_TIMERS
from services.checkout import cancellation
from services.core.problems import DomainError, InvalidTransition
from services.delivery import deliveries, nearest_riders, search_escalation
from services.delivery.ride_settings import SETTINGS, STATE_TIMERS
from services.delivery.search_escalation import SEARCH_STEPS
from services.events.event_log import order_stream, store_queue_stream
from services.fulfillment import fulfillments, handover, picking
from services.orders import order_states
from tests.support import riders
from tests.support.carried_bags import CARRYING, carried_bags, open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.ride_waits import advance, backdate_search, update_delivery
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    payment_of,
    reload_order,
    write_as,
)
from tests.support.store_staff import event_types, run_step
from tests.support.tickets import resolve_cases

WITH_RIDER = [
    status
    for status in DeliveryStatus
    if status not in FINAL_DELIVERY_STATUSES | {DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED}
]


def test_every_state_with_a_rider_has_a_timer() -> None:
    """A rider who does nothing in a state without one keeps the order there for ever."""
    assert set(STATE_TIMERS) == set(WITH_RIDER)


@pytest.mark.parametrize("status", WITH_RIDER)
async def test_store_and_support_are_told_of_a_state_that_lasts_too_long(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The rider reports positions, but the delivery does not go on. After a failed attempt without
    a decision the bags go back instead.
    """
    database = dependencies.database
    order, delivery = await delivery_in(dependencies, city, status)
    assert delivery.due_at is not None
    await make_due(database, delivery)
    assert await advance(database, delivery)
    now = await riders.delivery_of(database, order)
    if status is DeliveryStatus.ATTEMPT_FAILED:
        assert now.status is DeliveryStatus.RETURNING
        assert now.return_code
        return
    assert now.status is status
    assert not await advance(database, delivery)  # its timer has begun anew
    assert await open_cases(database, order) == [TicketCategory.DELIVERY_OVERDUE]
    for stream in (order_stream(order.id), store_queue_stream(city.near.id)):
        assert OrderEventKind.DELIVERY_OVERDUE in await event_types(database, stream)


@pytest.mark.parametrize("status", [DeliveryStatus.AT_STORE, DeliveryStatus.AT_CUSTOMER])
async def test_a_state_that_lasts_after_its_case_was_resolved_is_a_case_again(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """An agent calls the rider and resolves the case, and the rider does nothing all the same.

    Nobody used to be told again. While the case is open, people are told of nothing new.
    """
    database = dependencies.database
    order, delivery = await delivery_in(dependencies, city, status)
    for told in (1, 1, 2):
        if told == 2:
            await resolve_cases(database, city, order)
            assert not await advance(database, delivery)  # the timer has to end first
        await let_timer_end(database, delivery)
        assert await advance(database, delivery)
        assert await open_cases(database, order) == [TicketCategory.DELIVERY_OVERDUE]
        seen = await event_types(database, order_stream(order.id))
        assert seen.count(OrderEventKind.DELIVERY_OVERDUE) == told


async def test_the_cases_end_with_the_delivery(dependencies: OrderDependencies, city: City) -> None:
    """Support would work on cases of orders that have long been delivered."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await make_due(database, bags.delivery)
    assert await advance(database, bags.delivery)
    pin = {"pin": bags.order.delivery_pin}
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.complete, **pin)
    assert await open_cases(database, bags.order) == []


async def test_a_search_without_anybody_online_escalates_and_ends(
    dependencies: OrderDependencies, city: City
) -> None:
    """Nobody is online. The search looks farther away, tells store and support, offers the
    customer to cancel even what is packed, and at last the order is canceled with a full refund.
    """
    database = dependencies.database
    order, fulfillment, staff, delivery = await riders.accepted_order(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    assert OrderAction.CANCEL not in await actions(database, order, customer)
    for number, step in enumerate(SEARCH_STEPS, 1):
        await backdate_search(database, delivery, getattr(DEFAULT_TIMERS, step.timer) + 1)
        assert await advance(database, delivery)
        searching = await riders.delivery_of(database, order)
        assert (searching.status, searching.search_step) == (DeliveryStatus.SEARCHING, number)
        parameters = nearest_riders.nearest_rider_parameters(searching)
        assert parameters["max_distance_m"] == SETTINGS.wide_rider_distance_m
        seen = await event_types(database, store_queue_stream(city.near.id))
        assert step.event_type is None or step.event_type in seen
    assert await open_cases(database, order) == [TicketCategory.NO_RIDER]
    assert OrderAction.CANCEL in await actions(database, order, customer)
    await backdate_search(database, delivery, DEFAULT_TIMERS.search_end_seconds + 1)
    assert await advance(database, delivery)
    canceled = await reload_order(database, order)
    assert (canceled.status, canceled.cancel_reason) == (
        OrderStatus.CANCELED, OrderCancelReason.NO_RIDER_AVAILABLE,
    )  # fmt: skip
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.void_wanted or not payment.captured_amount_minor
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.CANCELED
    assert await open_cases(database, order) == []


async def test_the_customer_cancels_a_packed_order_that_finds_no_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    """Before the offer a packed order can't be canceled by its customer; after it, in full."""
    database = dependencies.database
    order, fulfillment, staff, delivery = await riders.accepted_order(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    with pytest.raises(DomainError) as caught:
        await cancel(database, customer, order)
    assert [type(problem) for problem in caught.value.problems] == [InvalidTransition]
    await backdate_search(database, delivery, DEFAULT_TIMERS.search_cancel_offer_seconds + 1)
    assert await advance(database, delivery)
    await cancel(database, customer, order)
    assert (await reload_order(database, order)).status is OrderStatus.CANCELED


async def test_the_offer_to_cancel_ends_when_a_rider_accepts(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider is on the way when the customer takes the offer: bags for nobody."""
    database = dependencies.database
    order, fulfillment, staff, delivery = await riders.accepted_order(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    await backdate_search(database, delivery, DEFAULT_TIMERS.search_cancel_offer_seconds + 1)
    assert await advance(database, delivery)
    rider = await riders.bring_online(database, city, 0)
    assert await advance(database, delivery)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    accepted = await riders.accept(database, rider, offer)
    assert accepted.status is DeliveryStatus.ASSIGNED
    assert (await reload_order(database, order)).cancel_offered_at is None
    assert await open_cases(database, order) == []
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    assert OrderAction.CANCEL not in await actions(database, order, customer)


async def test_a_round_counts_when_nobody_was_there_to_be_asked(
    dependencies: OrderDependencies, city: City
) -> None:
    """Nobody is online: the rounds pass all the same, and the store is told once after the last."""
    database = dependencies.database
    order, _, _, delivery = await riders.accepted_order(dependencies, city)
    for number in range(search_escalation.MAX_ROUNDS + 1):
        assert (await riders.delivery_of(database, order)).dispatch_round == number + 2
        await make_due(database, delivery)
        assert await advance(database, delivery)
    seen = await event_types(database, store_queue_stream(city.near.id))
    assert (
        seen.count(OrderEventKind.DELIVERY_SEARCHING) == 2
    )  # the start, and the end of the rounds


async def test_bags_that_wait_have_somebody_who_is_told(
    dependencies: OrderDependencies, city: City
) -> None:
    """Packed bags are not staged: the store is told. Staged bags wait for a rider: support too."""
    database = dependencies.database
    order, fulfillment, staff, _, rider = await riders.assigned_delivery(dependencies, city)
    for line in await lines_of(database, fulfillment):
        pick = picking.LinePick(line.quantity, line.id)
        await run_step(database, staff, fulfillment, picking.pick_line, pick=pick)
    await run_step(database, staff, fulfillment, picking.pack, bags=1)
    for status, cases in (
        (FulfillmentStatus.PACKED, []),
        (FulfillmentStatus.STAGED, [TicketCategory.BAGS_WAITING]),
    ):
        if status is FulfillmentStatus.STAGED:
            await run_step(database, staff, fulfillment, fulfillments.stage)
        told = await count_stalled(database, city)
        await fulfillment_jobs.report_waiting_bags(database)
        assert await count_stalled(database, city) == told  # not yet
        await make_bags_due(database, fulfillment)
        for _ in range(2):
            await fulfillment_jobs.report_waiting_bags(database)
        assert await count_stalled(database, city) == told + 1  # once
        assert await open_cases(database, order) == cases
    delivery = await riders.delivery_of(database, order)
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    await riders.take_step(database, staff, delivery, handover.pick_up)
    assert await open_cases(database, order) == []


async def test_bags_that_are_not_staged_are_not_handed_over(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider takes a bag off the packing table that is not finished."""
    database = dependencies.database
    _, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    for line in await lines_of(database, fulfillment):
        pick = picking.LinePick(line.quantity, line.id)
        await run_step(database, staff, fulfillment, picking.pick_line, pick=pick)
    await run_step(database, staff, fulfillment, picking.pack, bags=1)
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    for actor, code in ((rider, fulfillment.handover_code), (staff, None)):
        problem = await riders.refused_step(
            database, actor, delivery, handover.pick_up, handover_code=code
        )
        assert isinstance(problem, InvalidTransition)
        assert problem.current_status == FulfillmentStatus.PACKED


async def delivery_in(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> tuple[Order, Delivery]:
    """A delivery with a rider in this state."""
    if status in CARRYING:
        bags = await carried_bags(dependencies, city, status)
        return bags.order, bags.delivery
    order, _, _, delivery, rider = await riders.assigned_delivery(dependencies, city)
    if status is DeliveryStatus.EN_ROUTE_TO_STORE:
        await riders.age_positions(dependencies.database, city)
        store = city.near.latitude, city.near.longitude
        await riders.report_position(dependencies.database, rider, city, *store)
    if status is DeliveryStatus.AT_STORE:
        await riders.take_step(dependencies.database, rider, delivery, deliveries.arrive_at_store)
    delivery = await riders.delivery_of(dependencies.database, order)
    assert delivery.status is status
    return order, delivery


async def make_due(database: Database, delivery: Delivery) -> None:
    past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
    await update_delivery(database, delivery, due_at=past)


async def let_timer_end(database: Database, delivery: Delivery) -> None:
    """Move the timer of a delivery, if it has one, into the past."""
    await update_delivery(database, delivery, due_at=Delivery.due_at - timedelta(hours=2))


async def make_bags_due(database: Database, fulfillment: Fulfillment) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        statement = update(Fulfillment).where(Fulfillment.id == fulfillment.id)
        await session.execute(statement.values(next_step_due_at=past))


async def count_stalled(database: Database, city: City) -> int:
    seen = await event_types(database, store_queue_stream(city.near.id))
    return seen.count(OrderEventKind.FULFILLMENT_STALLED)


async def actions(database: Database, order: Order, actor: Actor) -> list[OrderAction]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Order, order.id)
        progress = await order_states.read_progress(session, row)
        return order_states.MACHINE.available_actions(progress, actor)


async def cancel(database: Database, actor: Actor, order: Order) -> None:
    async with write_as(database, actor, order.company_id) as session:
        await cancellation.cancel_order(
            session, actor=actor, order_id=order.id, reason=OrderCancelReason.CHANGED_MIND
        )
