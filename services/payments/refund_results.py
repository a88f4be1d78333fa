"""Applies what the provider says of refunds: those requested here, and those of its dashboard.

Callers hold the locks of the order and of the payment. Equal and late results are safe.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from gateways.payments.interface import PaymentIntent, RefundResult, RefundState
from models.events import OrderEventKind
from models.money import amount_text
from models.orders import Order, OrderStatus
from models.payments import (
    Payment,
    PaymentStuckReason,
    Refund,
    RefundReason,
    RefundStatus,
)
from models.support import TicketCategory
from services.core.clock import current_time
from services.orders import support_cases
from services.orders.payment_cover import is_secured
from services.payments import stuck
from services.payments.payment_states import REFUND_MACHINE
from services.payments.refunds import record_refund_event, update_refunded_amount

PENDING_POLL_SECONDS = 300
LONG_PENDING_POLL_SECONDS = 3_600
LONG_PENDING_AFTER_SECONDS = 3_600
PENDING_TOO_LONG_SECONDS = 7 * 24 * 3_600
KEY_PREFIX = "refund-"
STATUS_OF_STATE = {
    RefundState.PENDING: RefundStatus.PENDING,
    RefundState.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundState.FAILED: RefundStatus.FAILED,
    RefundState.CANCELED: RefundStatus.FAILED,
}
EVENT_OF_STATUS = {
    RefundStatus.PENDING: OrderEventKind.REFUND_PENDING,
    RefundStatus.SUCCEEDED: OrderEventKind.REFUND_SUCCEEDED,
    RefundStatus.FAILED: OrderEventKind.REFUND_FAILED,
}
# What the provider has refunded of an intent, or is refunding, as far as it is known here.
KNOWN_MINOR = prepared(
    select(func.coalesce(func.sum(Refund.amount_minor), 0))
    .join(Payment, Payment.id == Refund.payment_id)
    .where(
        Payment.intent_id == bindparam("intent"),
        Refund.provider_refund_id.is_not(None),
        Refund.status.in_(enum_literals([RefundStatus.PENDING, RefundStatus.SUCCEEDED])),
    )
)


def refund_key(refund_id: UUID) -> str:
    """The idempotency key of a refund; it identifies the refund in answers of the provider."""
    return f"{KEY_PREFIX}{refund_id}"


def refund_id_of(key: str | None) -> UUID | None:
    """The refund that a key of `refund_key` belongs to; None for any other text."""
    try:
        return UUID((key or "").removeprefix(KEY_PREFIX))
    except ValueError:
        return None


async def differs_from_rows(session: AsyncSession, intent: PaymentIntent) -> bool:
    """Whether the provider has refunded another sum of a captured intent than the rows say."""
    if intent.refunded_amount_minor is None or intent.captured_amount_minor == 0:
        return False
    known_minor = await session.scalar(KNOWN_MINOR, {"intent": intent.id})
    return int(known_minor or 0) != intent.refunded_amount_minor


async def apply_results(
    session: AsyncSession, order: Order, payment: Payment, results: Sequence[RefundResult]
) -> None:
    """Store the provider's results of refunds of one payment; unknown ones get a row."""
    for result in results:
        refund = await _find(session, payment, result)
        if refund is None:
            refund = await _record(session, order, payment, result)
        await apply_result(session, order, payment, refund, result)
        if refund.made_at_provider and order.status is OrderStatus.CONFIRMED:
            await _report_uncovered(session, order, refund)


async def _report_uncovered(session: AsyncSession, order: Order, refund: Refund) -> None:
    """Open a case when a refund of the dashboard leaves nothing of an order in progress.

    Nobody may hand it over, and nobody here has decided that: support cancels it.
    """
    await session.flush()
    if await is_secured(session, order):
        return
    subject = "The money of an order in progress was given back in the provider's dashboard"
    amount = amount_text(refund.amount_minor, refund.currency)
    details = f"A refund of {amount}: nothing may be handed over."
    await support_cases.open_case(
        session, order, TicketCategory.PAYMENT, subject, details, cause_id=refund.id
    )


async def apply_result(
    session: AsyncSession, order: Order, payment: Payment, refund: Refund, result: RefundResult
) -> None:
    """Store the provider's result of one locked refund."""
    answer_was_lost = refund.provider_refund_id is None
    status = STATUS_OF_STATE[result.state]
    # The provider never changes a failure to a success: the "succeeded" is late, unless the failure
    # was only concluded here from a request whose answer was lost.
    is_late = status is RefundStatus.SUCCEEDED and refund.status is RefundStatus.FAILED
    if is_late and not answer_was_lost:
        return
    refund.provider_refund_id = result.id
    refund.tries = 0
    if status in REFUND_MACHINE.reachable(refund.status):
        await _move(session, order, payment, refund, status, result.failure_reason)
    elif refund.status is RefundStatus.PENDING:
        await _wait(session, order, refund)


async def fail_refund(
    session: AsyncSession, order: Order, payment: Payment, refund: Refund, message: str
) -> None:
    """Record that the provider refuses a locked refund that it never accepted."""
    if RefundStatus.FAILED in REFUND_MACHINE.reachable(refund.status):
        await _move(session, order, payment, refund, RefundStatus.FAILED, message)


async def record_unavailable(
    session: AsyncSession, order: Order, refund: Refund, message: str
) -> None:
    """Count a scheduled call about a locked refund that the provider did not answer.

    It is tried again for ever; after many tries it is shown to a person.
    """
    refund.tries += 1
    refund.last_error = message
    refund.due_at = await current_time(session, stuck.backoff_seconds(refund.tries))
    if refund.tries >= stuck.STUCK_AFTER_TRIES:
        reason = PaymentStuckReason.PROVIDER_UNAVAILABLE
        await stuck.mark_stuck(session, order, refund, reason, message)


async def _move(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    refund: Refund,
    status: RefundStatus,
    failure: str | None,
) -> None:
    REFUND_MACHINE.set_status(refund, status)
    failed = status is RefundStatus.FAILED
    refund.failure_message = failure if failed else None
    refund.due_at = None
    await update_refunded_amount(session, payment)
    record_refund_event(session, order, refund, EVENT_OF_STATUS[status])
    if failed:
        message = failure or "The provider gave no reason."
        await stuck.mark_stuck(session, order, refund, PaymentStuckReason.REFUSED, message)
        return
    await stuck.clear_stuck(session, order, refund)
    if status is RefundStatus.PENDING:
        await _wait(session, order, refund)


async def _wait(session: AsyncSession, order: Order, refund: Refund) -> None:
    """Set when to ask again for a pending refund; one that takes days needs a person."""
    now = await current_time(session)
    created_at: datetime | None = refund.created_at  # None in the transaction that creates it.
    age_seconds = (now - created_at).total_seconds() if created_at is not None else 0.0
    long = age_seconds > LONG_PENDING_AFTER_SECONDS
    refund.due_at = await current_time(
        session, LONG_PENDING_POLL_SECONDS if long else PENDING_POLL_SECONDS
    )
    if age_seconds > PENDING_TOO_LONG_SECONDS:
        reason = PaymentStuckReason.PENDING_TOO_LONG
        message = "The provider has not sent the money for a week."
        await stuck.mark_stuck(session, order, refund, reason, message)


async def _find(session: AsyncSession, payment: Payment, result: RefundResult) -> Refund | None:
    """The locked refund of a result, by our key or else by the provider's id."""
    refund_id = refund_id_of(result.key)
    condition = Refund.provider_refund_id == result.id
    if refund_id is not None:
        condition = condition | (Refund.id == refund_id)
    found: Refund | None = await session.scalar(
        select(Refund)
        .where(condition, Refund.payment_id == payment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def _record(
    session: AsyncSession, order: Order, payment: Payment, result: RefundResult
) -> Refund:
    """A row for a refund that was made in the provider's dashboard."""
    refund = Refund(
        payment_id=payment.id,
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        provider_refund_id=result.id,
        amount_minor=result.amount_minor,
        currency=result.currency,
        reason=RefundReason.OTHER,
        made_at_provider=True,
    )
    session.add(refund)
    payment.version += 1
    await session.flush()
    record_refund_event(session, order, refund, OrderEventKind.REFUND_RECORDED)
    return refund
