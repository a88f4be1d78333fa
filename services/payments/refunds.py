"""Refunds of captured payments: together never more than the captured amount.

Callers hold the locks of the order and of its payment.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateways.payments.interface import RefundResult, RefundState
from models.events import EventType
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem
from services.core.text import parse_line
from services.events.event_log import record_order_event
from services.payments.payment_states import PAYMENT_MACHINE, REFUND_MACHINE

PENDING_POLL_SECONDS = 300
MAX_NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceedsCaptured(Problem):
    """More than the remaining captured amount; `remaining_minor` can still be refunded."""

    remaining_minor: int


async def refundable_minor(session: AsyncSession, payment: Payment) -> int:
    """Minor units of the captured amount that are neither refunded nor requested to be."""
    requested_minor = await _sum(session, payment, RefundStatus.REQUESTED)
    return max(0, payment.captured_minor - payment.refunded_minor - requested_minor)


async def create_refund(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    amount_minor: int,
    reason: RefundReason,
    note: str = "",
    ticket_id: UUID | None = None,
    actor_id: UUID | None = None,
) -> Refund:
    """Request the refund of `amount_minor`. Raises DomainError: InvalidInput, ExceedsCaptured."""
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    path = ["input", "amountMinor"]
    if amount_minor < 1:
        message = "A refund is of at least one minor unit."
        raise DomainError(InvalidInput(path=path, message=message))
    remaining_minor = await refundable_minor(session, payment)
    if amount_minor > remaining_minor:
        message = f"At most {remaining_minor} minor units can still be refunded."
        exceeds = ExceedsCaptured(path=path, message=message, remaining_minor=remaining_minor)
        raise DomainError(exceeds)
    refund = Refund(
        payment_id=payment.id,
        order_id=order.id,
        ticket_id=ticket_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        amount_minor=amount_minor,
        currency=order.currency,
        reason=reason,
        note=note,
        due_at=await current_time(session),
        requested_by_id=actor_id,
    )
    session.add(refund)
    payment.version += 1
    await session.flush()
    _record_change(session, order, refund, EventType.REFUND_REQUESTED)
    return refund


async def refund_remainder(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Request the refund of the remaining captured amount of a canceled order."""
    remaining_minor = await refundable_minor(session, payment)
    if remaining_minor > 0:
        await create_refund(session, order, payment, remaining_minor, RefundReason.CANCELED)


async def apply_refund_result(
    session: AsyncSession, order: Order, payment: Payment, refund_id: UUID, result: RefundResult
) -> None:
    """Store the provider's result of one refund; a refund that fails after success is reverted."""
    refund = await session.get(Refund, refund_id, with_for_update=True, populate_existing=True)
    if refund is None or refund.payment_id != payment.id:
        return
    refund.provider_refund_id = result.id
    if result.state is RefundState.PENDING:
        if refund.status is RefundStatus.REQUESTED:
            refund.due_at = await current_time(session, PENDING_POLL_SECONDS)
        return
    succeeded = result.state is RefundState.SUCCEEDED
    final_status = RefundStatus.SUCCEEDED if succeeded else RefundStatus.FAILED
    # A late "succeeded" must not undo a failure: the provider never changes a failure to a success.
    if refund.status not in (final_status, RefundStatus.FAILED):
        await finish_refund(session, order, payment, refund, final_status, result.failure_reason)


async def finish_refund(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    refund: Refund,
    final_status: RefundStatus,
    failure_message: str | None = None,
) -> None:
    """Set the final status of a refund and update the refunded amount of its payment."""
    REFUND_MACHINE.set_status(refund, final_status)
    refund.failure_message = failure_message
    refund.due_at = None
    await session.flush()
    refunded_minor = await _sum(session, payment, RefundStatus.SUCCEEDED)
    if final_status is RefundStatus.SUCCEEDED:
        refunded_minor = max(refunded_minor, payment.refunded_minor)
    payment.refunded_minor = min(refunded_minor, payment.captured_minor)
    PAYMENT_MACHINE.move(payment, captured_payment_status(payment))
    succeeded = final_status is RefundStatus.SUCCEEDED
    event_type = EventType.REFUND_SUCCEEDED if succeeded else EventType.REFUND_FAILED
    _record_change(session, order, refund, event_type)


def captured_payment_status(payment: Payment) -> PaymentStatus:
    """The status of a captured payment by how much of it is refunded."""
    if payment.refunded_minor == 0:
        return PaymentStatus.CAPTURED
    complete = payment.refunded_minor >= payment.captured_minor
    return PaymentStatus.REFUNDED if complete else PaymentStatus.PARTLY_REFUNDED


async def _sum(session: AsyncSession, payment: Payment, status: RefundStatus) -> int:
    statement = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.payment_id == payment.id, Refund.status == status
    )
    return int(await session.scalar(statement) or 0)


def _record_change(session: AsyncSession, order: Order, refund: Refund, type: EventType) -> None:
    record_order_event(
        session,
        order,
        type,
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reason=refund.reason,
        failure=refund.failure_message,
    )
