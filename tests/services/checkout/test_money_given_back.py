"""Bags whose money was given back: nobody hands them over, and support ends their order."""

from typing import Any

import pytest

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from dataloaders import fulfillment as load_fulfillment
from gateways.payments.interface import RefundResult, RefundState
from jobs import fulfillment as jobs
from models.delivery import Delivery, DeliveryAction, DeliveryStatus
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import Order, OrderAction, OrderCancelReason, OrderReopenReason, OrderStatus
from models.payments import PaymentStatus, RefundReason, RefundStatus
from models.support import TicketCategory
from services.checkout.cancellation import cancel_order
from services.checkout.reopen import reopen_order
from services.core.problems import DomainError, InvalidTransition
from services.delivery import deliveries
from services.fulfillment import handover, pickups
from services.payments import refund_results
from services.payments.support_refunds import issue_refund
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, carried_bags, open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import change_store, staged_order
from tests.support.order_steps.reopened_orders import actions_of, completed, refusal
from tests.support.paid_orders import (
    OrderDependencies,
    capture_payment,
    fulfillments_of,
    payment_of,
    reload_order,
    unexplained_stock,
    write_as,
)
from tests.support.payments.situations import AMOUNT, SITUATIONS, Situation, set_situation
from tests.support.store_staff import make_overdue, put_back_everything

OVERRIDDEN = {"override": OVERRIDE}
REFUNDED = Situation(PaymentStatus.REFUNDED, AMOUNT)


class TakeBackError(Exception):
    """Ends a transaction that has succeeded, so that the next case finds the same order."""


async def refused_status(
    database: Database, actor: Actor, order: Order, step: Any, **arguments: Any
) -> str | None:
    """The state that the refusal of a step names; None for a step that succeeds, undone here."""
    try:
        async with write_as(database, actor, order.company_id) as session:
            await step(session, actor=actor, **arguments)
            raise TakeBackError
    except TakeBackError:
        return None
    except DomainError as error:
        (problem,) = error.problems
        assert isinstance(problem, InvalidTransition)
        return problem.current_status


async def at_the_store(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor, Delivery, Actor]:
    """Staged and captured bags whose rider stands in the store."""
    database = dependencies.database
    order, task, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.pick_and_pack(dependencies, task, staff)
    await capture_payment(database, order)
    delivery = await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    (staged,) = await fulfillments_of(database, order)
    assert staged.status is FulfillmentStatus.STAGED
    return order, staged, staff, delivery, rider


async def shows_handover(database: Database, task: Fulfillment) -> bool:
    """Whether `availableActions` of ride and task have the hand-over, the rest being ready."""
    async with database.read(PLATFORM) as session:
        (state,) = await load_fulfillment.handover_by_fulfillment(session, [task.id])
    assert state is not None
    return not state.blocked_store_actions


async def test_every_payment_at_the_handover_to_a_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    """Only who has paid and was not refunded in full is served, and the rider's app shows it."""
    database = dependencies.database
    order, task, _, delivery, rider = await at_the_store(dependencies, city)
    code = {"delivery_id": delivery.id, "handover_code": task.handover_code}
    for one in SITUATIONS:
        await set_situation(database, order, one)
        state = await refused_status(database, rider, order, handover.pick_up, **code)
        assert state == (None if one.is_secured else one.status), one
        assert await shows_handover(database, task) is one.is_secured, one


async def test_every_payment_at_the_handover_to_the_customer(
    dependencies: OrderDependencies, city: City
) -> None:
    """As for riders: the customer tells the right code, and the store's app shows it."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, staff = await staged_order(dependencies, city)
    code = {"fulfillment_id": task.id, "code": order.delivery_pin}
    for one in SITUATIONS:
        await set_situation(database, order, one)
        state = await refused_status(database, staff, order, pickups.collect, **code)
        assert state == (None if one.is_secured else one.status), one
        assert await shows_handover(database, task) is one.is_secured, one


async def test_every_payment_at_the_door(dependencies: OrderDependencies, city: City) -> None:
    """Refunded while the rider rode: the PIN completed the delivery, and goods and money were gone.

    Neither rider nor support completes it, and no app shows the action.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await capture_payment(database, bags.order)
    agent = await riders.create_support_agent(database, city)
    [task] = await fulfillments_of(database, bags.order)
    key = {"delivery_id": bags.delivery.id}
    for one in SITUATIONS:
        await set_situation(database, bags.order, one)
        expected = None if one.is_secured else one.status
        for actor, how in ((bags.rider, {"pin": bags.order.delivery_pin}), (agent, OVERRIDDEN)):
            arguments = {**key, **how}
            state = await refused_status(
                database, actor, bags.order, deliveries.complete, **arguments
            )
            assert state == expected, one
        async with database.read(PLATFORM) as session:
            (shown,) = await load_fulfillment.handover_by_fulfillment(session, [task.id])
        assert shown is not None
        is_blocked = DeliveryAction.COMPLETE in shown.blocked_ride_actions
        assert is_blocked is not one.is_secured, one


@pytest.mark.parametrize("state", [RefundState.PENDING, RefundState.SUCCEEDED])
async def test_a_full_refund_of_the_dashboard_is_a_case_at_once(
    dependencies: OrderDependencies, city: City, state: RefundState
) -> None:
    """Somebody gave all the money back at the provider while the bags were staged: hours passed
    before the timer of the bags told it. A partial refund is no case, and nothing is told twice.
    """
    database = dependencies.database
    order, _, _, _, _ = await at_the_store(dependencies, city)
    async with database.read(PLATFORM) as session:
        captured_amount_minor = (await payment_of(session, order)).captured_amount_minor
    amounts = (1, captured_amount_minor - 1)
    for amount_minor, cases in zip(amounts, ([], [TicketCategory.PAYMENT]), strict=True):
        made = f"re_{uuid7()}", state, amount_minor, order.currency, None, None, None
        for _ in range(2):
            async with database.write(PLATFORM, ORIGIN) as session:
                locked = await session.get_one(Order, order.id, with_for_update=True)
                payment = await payment_of(session, locked)
                results = [RefundResult(*made)]
                await refund_results.apply_results(session, locked, payment, results)
        assert await open_cases(database, order) == cases


async def test_every_payment_of_a_reopened_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """What could not be handed over a second time is not reopened, and no action shows it."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    reason = OrderReopenReason.NOT_RECEIVED
    for one in SITUATIONS:
        await set_situation(database, bags.order, one)
        keys = {"order_id": bags.order.id, "reason": reason}
        state = await refused_status(database, agent, bags.order, reopen_order, **keys)
        assert (state is None) is one.is_secured, one
        actions = await actions_of(database, agent, bags.order)
        assert (OrderAction.REOPEN in actions) is one.is_secured, one


async def give_back(
    database: Database, agent: Actor, order: Order, amount_minor: int | None = None
) -> None:
    """A refund by support, of everything without an amount."""
    async with database.read(PLATFORM) as session:
        captured_amount_minor = (await payment_of(session, order)).captured_amount_minor
    async with write_as(database, agent, order.company_id) as session:
        await issue_refund(
            session,
            actor=agent,
            order_id=order.id,
            amount_minor=amount_minor or captured_amount_minor,
            reason=RefundReason.GOODWILL,
        )


async def test_a_rider_does_not_get_bags_that_support_has_refunded(
    dependencies: OrderDependencies, city: City
) -> None:
    """Support refunds all of a staged order; the rider tells the right code. Support cancels it."""
    database = dependencies.database
    order, task, staff, delivery, rider = await at_the_store(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    await give_back(database, agent, order)
    code = {"handover_code": task.handover_code}
    problem = await riders.refused_step(database, rider, delivery, handover.pick_up, **code)
    assert isinstance(problem, InvalidTransition)
    assert "support has to cancel" in problem.message
    assert OrderAction.CANCEL in await actions_of(database, agent, order)
    async with write_as(database, agent, order.company_id) as session:
        reason, note = OrderCancelReason.OTHER, "Refunded before."
        await cancel_order(session, actor=agent, order_id=order.id, reason=reason, note=note)
    assert (await reload_order(database, order)).status is OrderStatus.CANCELED
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.CANCELED
    await put_back_everything(database, staff, task)
    assert await unexplained_stock(database, city) == []


async def test_staged_bags_that_were_refunded_become_a_case_of_support(
    dependencies: OrderDependencies, city: City
) -> None:
    """The money was given back in the provider's dashboard and nobody noticed: the timer tells."""
    database = dependencies.database
    order, task, _, _, _ = await at_the_store(dependencies, city)
    await set_situation(database, order, REFUNDED)
    await make_overdue(database, task)
    for _ in range(100):
        if TicketCategory.BAGS_WAITING in await open_cases(database, order):
            break
        await jobs.report_waiting_bags(database)
    assert await open_cases(database, order) == [TicketCategory.BAGS_WAITING]


async def test_a_refunded_pickup_ends_by_itself(
    dependencies: OrderDependencies, city: City
) -> None:
    """Nobody may hand over refunded bags: when the store's time is over, they go back."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, _ = await staged_order(dependencies, city)
    await set_situation(database, order, REFUNDED)
    await make_overdue(database, task)
    for _ in range(100):
        if (await reload_order(database, order)).status is OrderStatus.CANCELED:
            break
        await jobs.end_uncollected_pickups(database)
    assert (await reload_order(database, order)).cancel_reason is OrderCancelReason.NOT_COLLECTED
    (left,) = await fulfillments_of(database, order)
    assert left.put_back_reason is not None


async def test_a_goodwill_refund_does_not_stop_the_bags(
    dependencies: OrderDependencies, city: City
) -> None:
    """The order is late: support gives a part back, and the rider brings the bags all the same."""
    database = dependencies.database
    order, task, _, delivery, rider = await at_the_store(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    await give_back(database, agent, order, 1)
    code = {"handover_code": task.handover_code}
    picked_up = await riders.take_step(database, rider, delivery, handover.pick_up, **code)
    assert picked_up.status is DeliveryStatus.PICKED_UP


@pytest.mark.parametrize("status", [RefundStatus.REQUESTED, RefundStatus.PENDING])
async def test_an_order_whose_refund_is_under_way_is_not_reopened(
    dependencies: OrderDependencies, city: City, status: RefundStatus
) -> None:
    """The payment stays CAPTURED until the provider has sent the money: the order was reopened."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    one = Situation(PaymentStatus.CAPTURED, 0, status, AMOUNT)
    await set_situation(database, bags.order, one)
    assert isinstance(await refusal(database, agent, bags.order), InvalidTransition)
    assert OrderAction.REOPEN not in await actions_of(database, agent, bags.order)


async def test_the_reason_of_a_wrong_completion_ends_with_it(
    dependencies: OrderDependencies, city: City
) -> None:
    """Support had completed it without the code; the reopened delivery still showed why."""
    database = dependencies.database
    order, delivery, _ = await riders.delivery_at_customer(dependencies, city)
    await capture_payment(database, order)
    agent = await riders.create_support_agent(database, city)
    done = await riders.take_step(database, agent, delivery, deliveries.complete, override=OVERRIDE)
    assert done.override_reason is OVERRIDE.reason
    async with write_as(database, agent, order.company_id) as session:
        reason = OrderReopenReason.NOT_RECEIVED
        await reopen_order(session, actor=agent, order_id=order.id, reason=reason)
    reopened = await riders.delivery_of(database, order)
    assert (reopened.override_reason, reopened.override_note) == (None, "")
