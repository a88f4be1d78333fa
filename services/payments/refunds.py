"""Money sent back of a captured payment: never more than what is left of it.

Whoever calls holds the locks of the order and of its payment.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateways.payments import RefundResult, RefundState
from models.events import EventType
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from services.core.clock import moment
from services.core.problems import InvalidInput, Problem, Refused
from services.core.text import line
from services.events.event_log import order_happened

PENDING_POLL_SECONDS = 300
NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceedsCaptured(Problem):
    """More than is left of what was captured; `remaining_minor` can still be refunded."""

    remaining_minor: int


async def remaining(session: AsyncSession, payment: Payment) -> int:
    """Minor units of the captured sum that are neither refunded nor on their way back."""
    asked = await _sum(session, payment, RefundStatus.REQUESTED)
    return max(0, payment.captured_minor - payment.refunded_minor - asked)


async def request(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    amount_minor: int,
    reason: RefundReason,
    note: str = "",
    ticket_id: UUID | None = None,
    actor_id: UUID | None = None,
) -> Refund:
    """Have `amount_minor` of the captured sum sent back; refused beyond what is left of it."""
    note = line(note, "input", "note", most=NOTE_LENGTH)
    path = ["input", "amountMinor"]
    if amount_minor < 1:
        raise Refused(InvalidInput(path=path, message="A refund is of at least one minor unit."))
    left = await remaining(session, payment)
    if amount_minor > left:
        message = f"At most {left} minor units can still be refunded."
        raise Refused(ExceedsCaptured(path=path, message=message, remaining_minor=left))
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
        due_at=await moment(session),
        requested_by_id=actor_id,
    )
    session.add(refund)
    payment.version += 1
    await session.flush()
    _tell(session, order, refund, EventType.REFUND_REQUESTED)
    return refund


async def request_rest(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Have whatever is left of the captured sum sent back, because the order is off."""
    left = await remaining(session, payment)
    if left > 0:
        await request(session, order, payment, left, RefundReason.CANCELED)


async def hear(
    session: AsyncSession, order: Order, payment: Payment, refund_id: UUID, result: RefundResult
) -> None:
    """Store what the provider says of one refund; one that failed after all is taken back."""
    refund = await session.get(Refund, refund_id, with_for_update=True, populate_existing=True)
    if refund is None or refund.payment_id != payment.id:
        return
    refund.provider_refund_id = result.id
    if result.state is RefundState.PENDING:
        if refund.status is RefundStatus.REQUESTED:
            refund.due_at = await moment(session, PENDING_POLL_SECONDS)
        return
    succeeded = result.state is RefundState.SUCCEEDED
    final = RefundStatus.SUCCEEDED if succeeded else RefundStatus.FAILED
    # A late "succeeded" must not undo a failure: the provider only goes from the one to the other.
    if refund.status not in (final, RefundStatus.FAILED):
        await end(session, order, payment, refund, final, result.failure_reason)


async def end(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    refund: Refund,
    final: RefundStatus,
    failure: str | None = None,
) -> None:
    """Settle a refund for good and count it."""
    refund.status = final
    refund.failure_message = failure
    refund.due_at = None
    await session.flush()
    sent = await _sum(session, payment, RefundStatus.SUCCEEDED)
    if final is RefundStatus.SUCCEEDED:
        sent = max(sent, payment.refunded_minor)
    payment.refunded_minor = min(sent, payment.captured_minor)
    payment.status = status_of(payment)
    payment.version += 1
    succeeded = final is RefundStatus.SUCCEEDED
    told = EventType.REFUND_SUCCEEDED if succeeded else EventType.REFUND_FAILED
    _tell(session, order, refund, told)


def status_of(payment: Payment) -> PaymentStatus:
    """The status of a captured payment by how much of it went back."""
    if payment.refunded_minor == 0:
        return PaymentStatus.CAPTURED
    all_of_it = payment.refunded_minor >= payment.captured_minor
    return PaymentStatus.REFUNDED if all_of_it else PaymentStatus.PARTLY_REFUNDED


async def _sum(session: AsyncSession, payment: Payment, status: RefundStatus) -> int:
    summed = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.payment_id == payment.id, Refund.status == status
    )
    return int(await session.scalar(summed) or 0)


def _tell(session: AsyncSession, order: Order, refund: Refund, type: EventType) -> None:
    order_happened(
        session,
        order,
        type,
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reason=refund.reason,
        failure=refund.failure_message,
    )
