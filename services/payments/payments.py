"""Payments of orders: what the business requests of the provider.

The functions here only write; `workflows.payments.settle_payment` calls the provider outside of any
transaction. Callers hold the order's lock, so all changes of one payment are serial.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from gateways.payments.interface import PaymentIntent
from models.money import amount_text
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundReason
from services.core import clock
from services.core.clock import current_time
from services.core.problems import DomainError, not_found
from services.core.state_machine import illegal_step
from services.payments import refunds, stuck
from services.payments.payment_states import (
    CAPTURED_STATUSES,
    FINAL_STATUSES,
    UNPAID_STATUSES,
    was_rejected,
)
from services.payments.refunds import RefundExceedsCaptured

FIRST_POLL_SECONDS = 5
# The time is read with the row: under the order's lock these statements do not wait.
_LOCK = (
    select(Payment, clock.CLOCK_TIMESTAMP)
    .with_for_update(of=Payment)
    .execution_options(populate_existing=True)
)
LOCK_CURRENT = prepared(_LOCK.where(Payment.order_id == bindparam("order"), Payment.is_current))
LOCK_ATTEMPT = prepared(_LOCK.where(Payment.id == bindparam("payment")))
LOCK_ATTEMPT_OF_INTENT = prepared(
    _LOCK.where(
        Payment.order_id == bindparam("order"),
        or_(
            Payment.intent_id == bindparam("intent"),
            and_(Payment.id == bindparam("payment", type_=Uuid), Payment.intent_id.is_(None)),
        ),
    )
)


async def lock_payment(session: AsyncSession, order_id: UUID) -> Payment:
    """The current payment of a locked order, locked too. Raises DomainError: NotFound."""
    return await _lock(session, LOCK_CURRENT, {"order": order_id})


async def lock_payment_by_id(session: AsyncSession, payment_id: UUID) -> Payment:
    """One payment of a locked order, current or not. Raises DomainError: NotFound."""
    return await _lock(session, LOCK_ATTEMPT, {"payment": payment_id})


async def lock_attempt_of_intent(
    session: AsyncSession, order: Order, intent: PaymentIntent
) -> Payment | None:
    """The payment of a locked order that an intent pays, current or not; None without one."""
    keys = {"order": order.id, "intent": intent.id, "payment": intent.payment_id}
    row = (await session.execute(LOCK_ATTEMPT_OF_INTENT, keys)).first()
    return _with_time(session, row) if row is not None else None


async def _lock(
    session: AsyncSession, statement: Select[Payment, datetime], keys: dict[str, UUID]
) -> Payment:
    row = (await session.execute(statement, keys)).first()
    if row is None:
        raise not_found(Payment)
    return _with_time(session, row)


def _with_time(session: AsyncSession, row: Row[Payment, datetime]) -> Payment:
    payment, now = row
    clock.set_current_time(session, now)
    return payment


async def create_payment(
    session: AsyncSession,
    order: Order,
    amount_minor: int | None = None,
    *,
    is_current: bool = True,
) -> Payment:
    """Create a payment attempt; after FIRST_POLL_SECONDS the job calls the provider.

    Without an amount it is the order's total and what weighed products may cost beyond it.
    """
    payment = Payment(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        is_current=is_current,
        currency=order.currency,
        amount_minor=amount_minor or order.total_minor + order.authorization_buffer_minor,
        due_at=await current_time(session, FIRST_POLL_SECONDS),
    )
    session.add(payment)
    return payment


async def request_capture(session: AsyncSession, order: Order, amount_minor: int) -> Payment:
    """Request one capture of `amount_minor`; the rest of the authorization is released.

    An amount of zero requests a void. While the payment is open again, nothing is requested: the
    capture follows the new authorization. Raises DomainError: InvalidTransition when the payment is
    not authorized, RefundExceedsCaptured when less is authorized.
    """
    payment = await lock_payment(session, order.id)
    if amount_minor <= 0:
        return await request_void(session, order)
    if payment.status in CAPTURED_STATUSES or payment.capture_wanted_minor is not None:
        return payment
    if payment.status in UNPAID_STATUSES and not payment.void_wanted:
        return payment
    if payment.status is not PaymentStatus.AUTHORIZED or payment.void_wanted:
        raise _not_authorized(payment)
    if amount_minor > payment.authorized_amount_minor:
        held = amount_text(payment.authorized_amount_minor, payment.currency)
        message = f"Only {held} are held."
        raise DomainError(
            RefundExceedsCaptured(message=message, remaining_minor=payment.authorized_amount_minor)
        )
    payment.capture_wanted_minor = amount_minor
    await _make_due(session, order, payment)
    return payment


async def request_void(
    session: AsyncSession,
    order: Order,
    keep_minor: int = 0,
    note: str = "",
    actor_id: UUID | None = None,
) -> Payment:
    """End the payment of an order that has ended; at most `keep_minor` of it stays with the seller.

    What is captured by then is refunded, less what stays. An authorization, also one whose capture
    is on its way, is captured for what stays, or voided when nothing does.
    """
    payment = await lock_payment(session, order.id)
    await void_attempt(session, order, payment, keep_minor, note, actor_id)
    return payment


async def void_attempt(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    keep_minor: int = 0,
    note: str = "",
    actor_id: UUID | None = None,
) -> None:
    """As `request_void`, for one locked attempt, current or not."""
    if payment.status in CAPTURED_STATUSES:
        await refunds.refund_remainder(session, order, payment, keep_minor, note, actor_id)
    elif payment.status is PaymentStatus.AUTHORIZED and keep_minor > 0 and not payment.void_wanted:
        keep_minor = min(keep_minor, payment.authorized_amount_minor)
        payment.keep_minor = payment.capture_wanted_minor = keep_minor
        await _make_due(session, order, payment)
    elif _may_void(payment):
        payment.void_wanted = True
        await _make_due(session, order, payment)


async def request_refund(
    session: AsyncSession,
    order: Order,
    amount_minor: int,
    reason: RefundReason,
    note: str,
    ticket_id: UUID | None,
    actor_id: UUID | None,
) -> Refund:
    """Request the refund of a part of the captured amount.

    Raises DomainError: RefundExceedsCaptured.
    """
    payment = await lock_payment(session, order.id)
    return await refunds.create_refund(
        session, order, payment, amount_minor, reason, note, ticket_id, actor_id
    )


def _may_void(payment: Payment) -> bool:
    """Whether a void says something new: not of what is captured to be kept."""
    keeps = payment.keep_minor is not None and payment.capture_wanted_minor is not None
    ended = payment.status in FINAL_STATUSES or was_rejected(payment)
    return not ended and not payment.void_wanted and not keeps


async def _make_due(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Let the job send a new request at once, with a fresh count of tries."""
    payment.due_at = await current_time(session)
    payment.tries = payment.refusals = 0
    payment.version += 1
    await stuck.clear_stuck(session, order, payment)
    await session.flush()


def _not_authorized(payment: Payment) -> DomainError:
    message = "The money of this order is not held any more, or not yet."
    return illegal_step(message=message, state=payment.status)
