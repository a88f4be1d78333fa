"""Refunds of captured payments: together never more than the captured amount.

Callers hold the locks of the order and of its payment.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.events import OrderEventKind
from models.identity import Actor
from models.money import amount_text
from models.orders import Order
from models.payments import (
    Payment,
    Refund,
    RefundAction,
    RefundReason,
    RefundStatus,
)
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem
from services.core.text import parse_line
from services.events.event_log import record_order_event
from services.orders.payment_cover import OPEN_REFUND_STATUSES, PAID_REFUND_STATUSES
from services.payments import stuck
from services.payments.payment_states import (
    CAPTURED_STATUSES,
    OPEN_DISPUTE_STATUSES,
    REFUND_MACHINE,
    refresh_captured_status,
)

MAX_NOTE_LENGTH = 500
SUMS = prepared(
    select(
        func.coalesce(
            func.sum(Refund.amount_minor).filter(
                Refund.status.in_(enum_literals(OPEN_REFUND_STATUSES))
            ),
            0,
        ),
        func.coalesce(
            func.sum(Refund.amount_minor).filter(
                Refund.status.in_(enum_literals(PAID_REFUND_STATUSES))
            ),
            0,
        ),
    ).where(Refund.payment_id == bindparam("payment"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundExceedsCaptured(Problem):
    """More than the remaining captured amount; `remaining_minor` can still be refunded."""

    remaining_minor: int


@dataclass(frozen=True, slots=True)
class RefundSums:
    """Minor units of a payment's refunds: on their way, and paid."""

    open_minor: int
    paid_minor: int


async def read_sums(session: AsyncSession, payment: Payment) -> RefundSums:
    """The sums of a payment's refunds, those made in the provider's dashboard included."""
    row = (await session.execute(SUMS, {"payment": payment.id})).one()
    return RefundSums(int(row[0]), int(row[1]))


async def refundable_minor(session: AsyncSession, payment: Payment) -> int:
    """Minor units of the captured amount that are neither refunded, asked for, nor disputed.

    Nothing can be refunded while a dispute is open: the bank holds the money.
    """
    if payment.dispute_status in OPEN_DISPUTE_STATUSES:
        return 0
    sums = await read_sums(session, payment)
    gone_minor = sums.open_minor + sums.paid_minor + payment.disputed_amount_minor
    return max(0, payment.captured_amount_minor - gone_minor)


async def _require_refundable(
    session: AsyncSession, payment: Payment, amount_minor: int, field: str
) -> None:
    """Raise DomainError: RefundExceedsCaptured, which names the input's field, if less is left."""
    remaining_minor = await refundable_minor(session, payment)
    if amount_minor > remaining_minor:
        remaining = amount_text(remaining_minor, payment.currency)
        message = f"At most {remaining} can still be refunded."
        path = ["input", field]
        raise DomainError(
            RefundExceedsCaptured(path=path, message=message, remaining_minor=remaining_minor)
        )


async def create_refund(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    amount_minor: int,
    reason: RefundReason,
    note: str = "",
    ticket_id: UUID | None = None,
    actor_id: UUID | None = None,
    retry_of_id: UUID | None = None,
) -> Refund:
    """Request the refund of `amount_minor`.

    Raises DomainError: InvalidInput, RefundExceedsCaptured.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    if amount_minor < 1:
        message = f"A refund is of at least {amount_text(1, payment.currency)}."
        raise DomainError(InvalidInput(path=["input", "amountMinor"], message=message))
    await _require_refundable(session, payment, amount_minor, "amountMinor")
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
        retry_of_id=retry_of_id,
    )
    session.add(refund)
    payment.version += 1
    await session.flush()
    record_refund_event(session, order, refund, OrderEventKind.REFUND_REQUESTED)
    return refund


async def refund_remainder(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    keep_minor: int = 0,
    note: str = "",
    actor_id: UUID | None = None,
) -> Refund | None:
    """Request the refund of what is left of a canceled order's captured amount, less `keep_minor`.

    What was refunded or asked for before counts: at most `keep_minor` stays with the seller.
    """
    remaining_minor = await refundable_minor(session, payment) - keep_minor
    if remaining_minor <= 0:
        return None
    reason = RefundReason.CANCELED
    return await create_refund(
        session, order, payment, remaining_minor, reason, note, None, actor_id
    )


async def retry_refund(session: AsyncSession, *, actor: Actor, refund_id: UUID) -> Refund:
    """Request a failed refund anew, as another refund, for support only.

    Never more than is left of the captured amount; when nothing is left, the failed refund ends
    without another one and is returned itself. One that another refund has settled is closed
    instead (`close_refund`): a retry pays. Raises DomainError: NotFound, InvalidTransition unless
    it has failed, RefundExceedsCaptured while a dispute is open.
    """
    order, failed = await stuck.begin_refund_step(session, actor, refund_id, RefundAction.RETRY)
    payment = await session.get_one(Payment, failed.payment_id)
    if payment.dispute_status in OPEN_DISPUTE_STATUSES:
        await _require_refundable(session, payment, failed.amount_minor, "refundId")
    amount_minor = min(failed.amount_minor, await refundable_minor(session, payment))
    REFUND_MACHINE.set_status(failed, RefundStatus.RETRIED)
    record_refund_event(session, order, failed, OrderEventKind.REFUND_RETRIED)
    await stuck.clear_stuck(session, order, failed)
    if not amount_minor:
        return failed
    return await create_refund(
        session,
        order,
        payment,
        amount_minor,
        failed.reason,
        failed.note,
        failed.ticket_id,
        actor.person_id,
        failed.id,
    )


async def mark_refund_paid(
    session: AsyncSession, *, actor: Actor, refund_id: UUID, resolution: str
) -> Refund:
    """Record how a failed refund was paid in another way, for support only.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition unless it has failed,
    RefundExceedsCaptured when the amount has been refunded by other refunds meanwhile.
    """
    resolution = parse_line(
        resolution, "input", "resolution", max_length=MAX_NOTE_LENGTH, min_length=1
    )
    order, refund = await stuck.begin_refund_step(session, actor, refund_id, RefundAction.MARK_PAID)
    payment = await session.get_one(Payment, refund.payment_id)
    await _require_refundable(session, payment, refund.amount_minor, "refundId")
    refund.resolution = resolution
    REFUND_MACHINE.set_status(refund, RefundStatus.PAID_OTHERWISE)
    await update_refunded_amount(session, payment)
    record_refund_event(session, order, refund, OrderEventKind.REFUND_PAID_OTHERWISE)
    await stuck.clear_stuck(session, order, refund)
    return refund


async def close_refund(
    session: AsyncSession,
    *,
    actor: Actor,
    refund_id: UUID,
    resolution: str,
    settled_by_id: UUID | None = None,
) -> Refund:
    """End a failed refund without another payment, for support only.

    `settled_by_id` is the other refund that gave the customer the money, if one did.
    Raises DomainError: NotFound, InvalidTransition unless it has failed, InvalidInput.
    """
    resolution = parse_line(
        resolution, "input", "resolution", max_length=MAX_NOTE_LENGTH, min_length=1
    )
    order, refund = await stuck.begin_refund_step(session, actor, refund_id, RefundAction.CLOSE)
    if settled_by_id is not None:
        await _require_settles(session, refund, settled_by_id)
    refund.resolution, refund.settled_by_id = resolution, settled_by_id
    REFUND_MACHINE.set_status(refund, RefundStatus.CLOSED)
    record_refund_event(session, order, refund, OrderEventKind.REFUND_CLOSED)
    await stuck.clear_stuck(session, order, refund)
    return refund


async def _require_settles(session: AsyncSession, failed: Refund, other_id: UUID) -> None:
    """Raise DomainError: InvalidInput unless another refund of the payment covers a failed one.

    It has to be paid or on its way, and covers all refunds that name it together.
    """
    other = await session.get(Refund, other_id)
    named = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.payment_id == failed.payment_id, Refund.settled_by_id == other_id
    )
    settled_minor = int(await session.scalar(named) or 0) + failed.amount_minor
    if other is None or other.id == failed.id or other.payment_id != failed.payment_id:
        message = "It is not another refund of the same payment."
    elif other.status not in OPEN_REFUND_STATUSES | PAID_REFUND_STATUSES:
        message = "It is neither paid nor on its way."
    elif other.retry_of_id is not None:
        message = "It is the retry of another refund."
    elif other.amount_minor < settled_minor:
        amounts = [
            amount_text(minor, other.currency) for minor in (other.amount_minor, settled_minor)
        ]
        message = f"It is of {amounts[0]}, and had to cover {amounts[1]}."
    else:
        return
    raise DomainError(InvalidInput(path=["input", "settledById"], message=message))


async def update_refunded_amount(session: AsyncSession, payment: Payment) -> None:
    """Store the sum of the paid refunds in their payment, and the status that follows."""
    await session.flush()
    sums = await read_sums(session, payment)
    payment.refunded_amount_minor = min(sums.paid_minor, payment.captured_amount_minor)
    if payment.status in CAPTURED_STATUSES:
        refresh_captured_status(payment)


def record_refund_event(
    session: AsyncSession, order: Order, refund: Refund, type: OrderEventKind
) -> None:
    """Record an event of a refund in its order's stream."""
    record_order_event(
        session,
        order,
        type,
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reason=refund.reason,
        failure=refund.failure_message,
    )
