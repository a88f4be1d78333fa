"""Support reopens orders that were completed by mistake, and sends returning bags on again."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.events import Event
from models.fulfillment import FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import (
    AgeCheckResult,
    Order,
    OrderAction,
    OrderCancelReason,
    OrderReopenReason,
    OrderStatus,
)
from models.payments import Payment, PaymentStatus
from models.support import TicketCategory
from services.core.problems import (
    CommittedDomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
)
from services.delivery import deliveries, delivery_states, failed_attempts
from services.events.event_log import order_stream
from services.fulfillment import handover
from services.orders import order_states
from services.orders.stages import REOPEN_SECONDS, replay_status
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, carried_bags, open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.order_steps.pickup_steps import change_store, give_code, staged_order
from tests.support.order_steps.reopened_orders import actions_of, completed, refusal, reopen
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    payment_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
    write_as,
)


async def set_payment(database: Database, order: Order, **values: Any) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        statement = update(Payment).where(Payment.order_id == order.id).values(**values)
        await session.execute(statement)


async def test_the_rider_of_an_order_that_was_completed_by_mistake_goes_on(
    dependencies: OrderDependencies, city: City
) -> None:
    """The bags went to number 12: the rider brings them on, and asks for a code of its own."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    assert OrderAction.REOPEN in await actions_of(database, agent, bags.order)
    reopened = await reopen(database, agent, bags.order, note="Left at number 12.")
    assert (reopened.status, reopened.completed_at) == (OrderStatus.CONFIRMED, None)
    assert (reopened.reopen_reason, reopened.reopen_note) == (
        OrderReopenReason.NOT_RECEIVED, "Left at number 12.",
    )  # fmt: skip
    delivery = await riders.delivery_of(database, bags.order)
    assert (delivery.status, delivery.delivered_at) == (DeliveryStatus.EN_ROUTE_TO_CUSTOMER, None)
    assert delivery.rider_person_id == bags.rider.person_id
    assert delivery.due_at is not None
    assert (await riders.rider_row(database, city)).live_delivery_id == delivery.id
    assert OrderAction.REOPEN not in await actions_of(database, agent, bags.order)
    await riders.take_step(database, bags.rider, delivery, deliveries.arrive_at_customer)
    old = {"pin": bags.order.delivery_pin}
    with pytest.raises(CommittedDomainError):  # the former code is known to whoever got the bags
        await riders.take_step(database, bags.rider, delivery, deliveries.complete, **old)
    new = {"pin": (await reload_order(database, bags.order)).delivery_pin}
    await riders.take_step(database, bags.rider, delivery, deliveries.complete, **new)
    async with database.read(PLATFORM) as session:
        of_order = select(Event.type, Event.body).where(Event.stream == order_stream(reopened.id))
        events = [(row[0], row[1]) for row in await session.execute(of_order.order_by(Event.seq))]
        payment = await payment_of(session, bags.order)
    types = [event_type for event_type, _ in events]
    assert types.count("ORDER_COMPLETED") == 2
    assert types.index("ORDER_COMPLETED") < types.index("ORDER_REOPENED")
    for end in range(1, len(events) + 1):
        assert replay_status(events[:end]) is not None
    assert replay_status(events) is OrderStatus.COMPLETED
    assert payment.status is PaymentStatus.CAPTURED
    assert await unexplained_stock(database, city) == []


async def test_without_its_rider_a_reopened_order_is_a_case_and_may_come_back(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider has gone home: support finds where the bags are, and the money goes back."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    await riders.end_shift(database, city, 0)
    agent = await riders.create_support_agent(database, city)
    await reopen(database, agent, bags.order)
    delivery = await riders.delivery_of(database, bags.order)
    assert (delivery.rider_id, delivery.former_rider_id) == (None, city.riders[0].id)
    assert delivery.needs_rider_since is not None
    assert await open_cases(database, bags.order) == [TicketCategory.RIDER_RELEASED]
    lost: dict[str, Any] = {"reason": DeliveryFailureReason.RIDER_UNAVAILABLE, "override": OVERRIDE}
    await riders.take_step(database, agent, delivery, failed_attempts.fail_attempt, **lost)
    step = handover.complete_return
    await riders.take_step(database, agent, delivery, step, override=OVERRIDE)
    ended = await reload_order(database, bags.order)
    assert (ended.status, ended.cancel_reason) == (
        OrderStatus.CANCELED, OrderCancelReason.DELIVERY_FAILED,
    )  # fmt: skip
    assert await open_cases(database, bags.order) == []
    assert await unexplained_stock(database, city) == []


async def test_a_pickup_that_was_recorded_for_the_wrong_order_waits_again(
    dependencies: OrderDependencies, city: City
) -> None:
    """Staff clicked the order above it: the customer comes, and the store's list says collected."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, staff = await staged_order(dependencies, city)
    await give_code(database, staff, task, order.delivery_pin)
    agent = await riders.create_support_agent(database, city)
    reopened = await reopen(database, agent, order, reason=OrderReopenReason.WRONG_ORDER)
    assert (reopened.status, reopened.pickup_due_at is None) == (OrderStatus.CONFIRMED, False)
    assert reopened.delivery_pin != order.delivery_pin
    (waiting,) = await fulfillments_of(database, order)
    assert (waiting.status, waiting.handed_over_at) == (FulfillmentStatus.READY_FOR_PICKUP, None)
    assert waiting.next_step_due_at is not None
    collected = await give_code(database, staff, waiting, reopened.delivery_pin)
    assert collected.status is FulfillmentStatus.COLLECTED
    assert await unexplained_stock(database, city) == []


async def test_the_age_is_checked_again_for_a_reopened_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """Whoever got the bags by mistake was old enough; the customer shows it too."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        delivery = await session.get_one(Delivery, bags.delivery.id)
        delivery.minimum_age, delivery.age_check_result = 18, AgeCheckResult.PASSED
    agent = await riders.create_support_agent(database, city)
    await reopen(database, agent, bags.order)
    delivery = await riders.delivery_of(database, bags.order)
    actions = delivery_states.MACHINE.available_actions(delivery, agent)
    assert DeliveryAction.CHECK_AGE in actions
    assert DeliveryAction.COMPLETE not in actions


async def test_only_support_reopens_and_never_the_own_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider, a manager or an agent gets goods a second time for an order of their own."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    company = city.company.id
    buyer = Actor(bags.order.customer_id, grants=(Grant(Role.CUSTOMER),))
    helper = Actor(bags.order.customer_id, grants=(Grant(Role.SUPPORT_AGENT, company),))
    (elsewhere,) = await create_people(
        database, 1, Grant(Role.SUPPORT_AGENT, city.second.company.id)
    )
    for stranger in (buyer, bags.staff, bags.rider, elsewhere):
        assert isinstance(await refusal(database, stranger, bags.order), NotFound)
    assert isinstance(await refusal(database, helper, bags.order), InvalidTransition)
    assert await actions_of(database, helper, bags.order) == [OrderAction.OPEN_TICKET]


@pytest.mark.parametrize("status", [PaymentStatus.REFUNDED, PaymentStatus.DISPUTED])
async def test_what_the_customer_has_been_refunded_is_not_reopened(
    dependencies: OrderDependencies, city: City, status: PaymentStatus
) -> None:
    """Otherwise the goods would be handed over for nothing."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    await set_payment(database, bags.order, status=status)
    agent = await riders.create_support_agent(database, city)
    assert isinstance(await refusal(database, agent, bags.order), InvalidTransition)


async def test_an_order_is_reopened_within_a_day(
    dependencies: OrderDependencies, city: City
) -> None:
    """Months later nobody knows where the bags were, and the fee and the books are closed."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, REOPEN_SECONDS + 1)
        await session.execute(
            update(Order).where(Order.id == bags.order.id).values(completed_at=past)
        )
    assert isinstance(await refusal(database, agent, bags.order), InvalidTransition)
    assert OrderAction.REOPEN not in await actions_of(database, agent, bags.order)


async def test_an_order_that_is_not_completed_is_not_reopened(
    dependencies: OrderDependencies, city: City
) -> None:
    """The payment of a canceled order is given back and its units are on sale again."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    assert isinstance(await refusal(database, agent, order), InvalidTransition)
    async with write_as(database, agent, order.company_id) as session:
        row = await session.get_one(Order, order.id)
        await order_states.mark_canceled(session, row, OrderCancelReason.OTHER)
    assert isinstance(await refusal(database, agent, order), InvalidTransition)


async def test_another_reason_takes_words(dependencies: OrderDependencies, city: City) -> None:
    """A month later nobody can tell why an agent undid a delivery."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    problem = await refusal(database, agent, bags.order, reason=OrderReopenReason.OTHER)
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "note"]


async def test_support_sends_returning_bags_to_the_customer_after_all(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider gave up at the wrong door: the customer calls before the bags are back."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    agent = await riders.create_support_agent(database, city)
    step = failed_attempts.attempt_again
    assert isinstance(
        await riders.refused_step(database, bags.rider, bags.delivery, step), InvalidTransition
    )
    sent = await riders.take_step(database, agent, bags.delivery, step, override=OVERRIDE)
    assert (sent.status, sent.return_code, sent.fee_kept) == (
        DeliveryStatus.EN_ROUTE_TO_CUSTOMER, None, False,
    )  # fmt: skip
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.arrive_at_customer)
    pin = {"pin": bags.order.delivery_pin}
    done = await riders.take_step(database, bags.rider, bags.delivery, deliveries.complete, **pin)
    assert done.status is DeliveryStatus.DELIVERED
