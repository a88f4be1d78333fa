"""The order's state machine: the actions of its customer and of support, and its transitions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery
from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.message_text import words_text
from models.orders import Order, OrderAction, OrderCancelReason, OrderReopenReason, OrderStatus
from models.payments import Payment, PaymentStatus
from models.stock import HoldStatus
from services.core.access import SUPPORT_ROLES
from services.core.clock import current_time
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    illegal_step,
)
from services.events.event_log import record_order_event
from services.orders import order_locks
from services.orders.order_conditions import (
    bags_are_in_the_store,
    bags_are_open,
    no_rider_was_found,
    nothing_is_packed_or_being_changed,
    payment_is_captured,
    payment_is_open,
    was_paid_and_completed_lately,
)
from services.orders.order_refusals import refusal_text
from services.orders.payment_cover import PAID_AND_COMPLETED_LATELY
from services.orders.stages import OrderProgress, order_stage
from services.stock import reservations

ANY_STATUS = frozenset(OrderStatus)
PLACED = frozenset({OrderStatus.PLACED})
CONFIRMED = frozenset({OrderStatus.CONFIRMED})
CANCELED = frozenset({OrderStatus.CANCELED})
TARGETS = {OrderAction.CANCEL: CANCELED, OrderAction.REOPEN: CONFIRMED}
CUSTOMER, SUPPORT = "the customer", "support"


def _permits(
    row: Order | OrderProgress, actor: Actor, transition: Transition[OrderAction, OrderStatus]
) -> bool:
    if transition.party == CUSTOMER:
        return actor.signed_in and actor.person_id == row.customer_id
    return actor.has_store_role(row.company_id, row.store_id, SUPPORT_ROLES)


def _step(
    action: OrderAction,
    party: str,
    sources: frozenset[OrderStatus],
    condition: Callable[[OrderProgress], bool] | None = None,
) -> Transition[OrderAction, OrderStatus]:
    targets = TARGETS.get(action, frozenset())
    roles = SUPPORT_ROLES if party == SUPPORT else frozenset()
    return Transition(
        action, sources, targets, roles, party, condition, by_customer=party == CUSTOMER
    )


# Rows are orders when they move, and their progress when actions are checked.
MACHINE: StateMachine[Any, OrderAction, OrderStatus] = StateMachine(
    name="Order",
    model=Order,
    status=OrderStatus,
    noun="order",
    id_path="orderId",
    initial=PLACED,
    transitions=(
        _step(OrderAction.PAY, CUSTOMER, PLACED | CONFIRMED, payment_is_open),
        _step(OrderAction.CANCEL, CUSTOMER, PLACED),
        _step(OrderAction.CANCEL, SUPPORT, PLACED),
        _step(OrderAction.CANCEL, CUSTOMER, CONFIRMED, bags_are_open),
        _step(OrderAction.CANCEL, CUSTOMER, CONFIRMED, no_rider_was_found),
        _step(OrderAction.CANCEL, SUPPORT, CONFIRMED, bags_are_in_the_store),
        _step(OrderAction.CHANGE, CUSTOMER, CONFIRMED, nothing_is_packed_or_being_changed),
        _step(OrderAction.CHANGE, SUPPORT, CONFIRMED, nothing_is_packed_or_being_changed),
        _step(OrderAction.REFUND, SUPPORT, ANY_STATUS, payment_is_captured),
        _step(OrderAction.OPEN_TICKET, CUSTOMER, ANY_STATUS - PLACED),
        _step(OrderAction.OPEN_TICKET, SUPPORT, ANY_STATUS - PLACED),
        _step(
            OrderAction.REOPEN,
            SUPPORT,
            frozenset({OrderStatus.COMPLETED}),
            was_paid_and_completed_lately,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "payment: authorized or captured", PLACED, CONFIRMED, job="payment.settle"
        ),
        AutomaticTransition(
            "payment: authorized, but the reservation was lost and the units are sold",
            PLACED,
            CANCELED,
        ),
        AutomaticTransition(
            "payment: it can't succeed", PLACED, {OrderStatus.PAYMENT_FAILED}, job="payment.settle"
        ),
        AutomaticTransition(
            "job: not paid in time", PLACED, {OrderStatus.EXPIRED}, job="order.expire"
        ),
        AutomaticTransition(
            "fulfillment: no store, nothing found, or not collected; delivery: returned",
            CONFIRMED,
            CANCELED,
        ),
        AutomaticTransition(
            "job: a lost payment was not confirmed again in time",
            CONFIRMED,
            CANCELED,
            job="order.cancel_unpaid",
        ),
        AutomaticTransition(
            "delivery: delivered; fulfillment: collected", CONFIRMED, {OrderStatus.COMPLETED}
        ),
    ),
    mutations={
        OrderAction.PAY: "orderPaymentRefresh",
        OrderAction.REFUND: "refundIssue",
        OrderAction.OPEN_TICKET: "ticketOpen",
    },
    permits=_permits,
)


async def begin(
    session: AsyncSession,
    actor: Actor,
    order_id: UUID,
    action: OrderAction,
    *,
    unless_paid: frozenset[PaymentStatus] = frozenset(),
) -> Order:
    """Lock an order for one action of its customer or of support.

    In the payment statuses of `unless_paid` the caller itself decides whether the action is legal.
    Raises DomainError: NotFound (also for people who never take this action), InvalidTransition.
    """
    order = await order_locks.lock(session, order_id)
    progress = await read_progress(session, order)
    MACHINE.require_part(progress, actor, action)
    legal = MACHINE.available_actions(progress, actor)
    if action not in legal and progress.payment_status not in unless_paid:
        message = refusal_text(progress, action, MACHINE.legal_actions(order.status))
        raise illegal_step("input", message=message, state=order_stage(progress), legal=legal)
    return order


async def read_progress(session: AsyncSession, order: Order) -> OrderProgress:
    """The statuses of an order and of its newest payment, fulfillment and delivery."""
    row = (
        await session.execute(
            select(
                select(Payment.status)
                .where(Payment.order_id == order.id, Payment.is_current)
                .scalar_subquery(),
                select(Fulfillment.status)
                .where(Fulfillment.order_id == order.id)
                .order_by(Fulfillment.attempt_number.desc(), Fulfillment.id.desc())
                .limit(1)
                .scalar_subquery(),
                select(Delivery.status)
                .where(Delivery.order_id == order.id)
                .order_by(Delivery.id.desc())
                .limit(1)
                .scalar_subquery(),
                select(PAID_AND_COMPLETED_LATELY).where(Order.id == order.id).scalar_subquery(),
            )
        )
    ).one()
    owners = (order.id, order.company_id, order.store_id, order.customer_id)
    offered = order.cancel_offered_at is not None
    payment, fulfillment, delivery, lately = row
    parts = (order.status, payment, fulfillment, delivery)
    return OrderProgress(*owners, *parts, offered, order.pending_change_id, lately)


async def mark_confirmed(session: AsyncSession, order: Order) -> None:
    """Record that the payment is authorized: the store can begin."""
    _change_status(order, OrderStatus.CONFIRMED)
    order.confirmed_at = await current_time(session)
    record_order_event(session, order, OrderEventKind.ORDER_CONFIRMED)


async def mark_completed(session: AsyncSession, order: Order) -> None:
    """Record that the customer has the bags."""
    _change_status(order, OrderStatus.COMPLETED)
    order.completed_at = await current_time(session)
    record_order_event(
        session, order, OrderEventKind.ORDER_COMPLETED, queue_store_id=order.store_id
    )


async def mark_reopened(
    session: AsyncSession, order: Order, reason: OrderReopenReason, note: str
) -> None:
    """Take back that the customer has the bags; where they are is left to the caller."""
    _change_status(order, OrderStatus.CONFIRMED)
    order.completed_at, order.reopened_at = None, await current_time(session)
    order.reopen_reason, order.reopen_note = reason, note
    record_order_event(
        session, order, OrderEventKind.ORDER_REOPENED, queue_store_id=order.store_id, reason=reason
    )


async def mark_canceled(
    session: AsyncSession, order: Order, reason: OrderCancelReason, note: str = ""
) -> None:
    """Cancel the order; its payment, stock and delivery are left to the caller."""
    previous_status = order.status
    _change_status(order, OrderStatus.CANCELED)
    order.cancel_reason = reason
    order.cancel_note = note
    order.canceled_at = await current_time(session)
    queue = order.store_id if previous_status is OrderStatus.CONFIRMED else None
    record_order_event(
        session, order, OrderEventKind.ORDER_CANCELED, queue_store_id=queue, reason=reason
    )


async def mark_expired(session: AsyncSession, order: Order) -> None:
    """End an order that was not paid in time and release its reservations."""
    _change_status(order, OrderStatus.EXPIRED)
    await reservations.release(session, [order.id], HoldStatus.EXPIRED)
    record_order_event(session, order, OrderEventKind.ORDER_EXPIRED)


async def mark_payment_failed(session: AsyncSession, order: Order, message: str) -> None:
    """End an order that can't be paid any more and release its reservations."""
    _change_status(order, OrderStatus.PAYMENT_FAILED)
    await reservations.release(session, [order.id])
    record_order_event(session, order, OrderEventKind.PAYMENT_FAILED, final=True, failure=message)


def _change_status(order: Order, status: OrderStatus) -> None:
    """Move a locked order. Raises DomainError: InvalidTransition when it has ended already."""
    reachable = MACHINE.reachable(order.status)
    if status not in reachable:
        message = f"An order that is {words_text(order.status)} can't become {words_text(status)}."
        raise illegal_step(message=message, state=order.status, legal=sorted(reachable))
    MACHINE.move(order, status)
    order.payment_due_at = None
