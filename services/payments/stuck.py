"""Payments and refunds that need a person: marked, shown in the support queue, resumed.

The schedule of tries goes on all the same: what is marked here is a sign, not an end.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.identity import Actor
from models.message_text import words_text
from models.money import amount_text
from models.orders import Order
from models.payments import (
    Payment,
    PaymentAction,
    PaymentStuckReason,
    Refund,
    RefundAction,
)
from models.support import TicketCategory
from services.core.clock import current_time
from services.core.problems import not_found
from services.events.event_log import record_order_event
from services.orders import order_locks, support_cases
from services.payments.payment_states import PAYMENT_MACHINE, REFUND_MACHINE

STUCK_AFTER_TRIES = 10  # About 17 minutes without an answer.
MAX_BACKOFF_SECONDS = 900.0
RESOLUTION = "The payment provider has answered, or done what was asked."


def backoff_seconds(tries: int, first_seconds: float = 1.0) -> float:
    """The delay after so many failures in a row: doubled each time, 15 minutes at most."""
    return float(min(MAX_BACKOFF_SECONDS, first_seconds * 2.0 ** min(tries - 1, 30)))


async def mark_stuck(
    session: AsyncSession,
    order: Order,
    row: Payment | Refund,
    reason: PaymentStuckReason,
    message: str,
) -> None:
    """Mark a row that needs a person, once for each reason: event, and a case for support."""
    row.last_error = message
    if row.stuck_reason is reason:
        return
    row.stuck_reason, row.stuck_at = reason, await current_time(session)
    facts: Any = {"reason": reason, "failure": message}
    if isinstance(row, Payment):
        row.version += 1
        record_order_event(session, order, OrderEventKind.PAYMENT_STUCK, **facts)
    else:
        facts |= {"refund_id": row.id, "amount_minor": row.amount_minor}
        record_order_event(session, order, OrderEventKind.REFUND_STUCK, **facts)
    await session.flush()
    subject = _subject(row, reason)
    await support_cases.open_case(
        session, order, TicketCategory.PAYMENT, subject, message, cause_id=row.id
    )


async def clear_stuck(session: AsyncSession, order: Order, row: Payment | Refund) -> None:
    """Take the mark off a row, and close its case."""
    if row.stuck_at is None:
        return
    row.stuck_reason = row.stuck_at = row.last_error = None
    await session.flush()
    await support_cases.close_case(
        session, order, TicketCategory.PAYMENT, RESOLUTION, cause_id=row.id
    )


async def resume_payment(session: AsyncSession, *, actor: Actor, payment_id: UUID) -> Payment:
    """Try at once what the provider has not done of a payment, for support only.

    Raises DomainError: NotFound, InvalidTransition while the payment is not stuck.
    """
    order = await order_locks.lock_by_child(session, Payment, payment_id, "paymentId")
    payment = await PAYMENT_MACHINE.begin(session, actor, payment_id, PaymentAction.RESUME)
    payment.due_at = await current_time(session)
    payment.tries = 0  # `refusals` goes on: it makes the key of the request a new one.
    payment.version += 1
    record_order_event(session, order, OrderEventKind.PAYMENT_RESUMED)
    await clear_stuck(session, order, payment)
    return payment


async def resume_refund(session: AsyncSession, *, actor: Actor, refund_id: UUID) -> Refund:
    """Try at once what the provider has not done of a refund, for support only.

    Raises DomainError: NotFound, InvalidTransition while the refund is not stuck.
    """
    order, refund = await begin_refund_step(session, actor, refund_id, RefundAction.RESUME)
    refund.due_at = await current_time(session)
    refund.tries = 0
    record_order_event(session, order, OrderEventKind.REFUND_RESUMED, refund_id=refund.id)
    await clear_stuck(session, order, refund)
    return refund


async def begin_refund_step(
    session: AsyncSession, actor: Actor, refund_id: UUID, action: RefundAction
) -> tuple[Order, Refund]:
    """The locked order and refund, when `actor` may take the action now; raises DomainError.

    Locked in the order of all changes of an order: the order, its payment, the refund.
    """
    order = await order_locks.lock_by_child(session, Refund, refund_id, "refundId")
    payment_id = select(Refund.payment_id).where(Refund.id == refund_id).scalar_subquery()
    locked = select(Payment.id).where(Payment.id == payment_id).with_for_update(of=Payment)
    if await session.scalar(locked) is None:
        raise not_found(Refund, "refundId")
    return order, await REFUND_MACHINE.begin(session, actor, refund_id, action)


def _subject(row: Payment | Refund, reason: PaymentStuckReason) -> str:
    if isinstance(row, Payment):
        requested = "void" if row.void_wanted else "capture"
        is_open = not row.void_wanted and row.capture_wanted_minor is None
        what = f"The {'confirmation' if is_open else requested} of the payment"
    else:
        what = f"A refund of {amount_text(row.amount_minor, row.currency)}"
    return f"{what} needs a person: {words_text(reason)}"
