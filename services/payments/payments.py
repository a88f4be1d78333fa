"""Payments of orders: what the business requests, and what the provider reports.

The functions here only write; `workflows.payments.settle_payment` calls the provider outside of any
transaction. Callers hold the order's lock, so all changes of one payment are serial.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from gateways.payments.interface import PaymentIntent
from models.events import EventType
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus, Refund, RefundReason
from services.core import clock
from services.core.clock import current_time
from services.core.problems import DomainError, not_found
from services.core.state_machine import illegal_step
from services.events.event_log import record_order_event
from services.payments import refunds
from services.payments.payment_states import (
    CAPTURED_STATUSES,
    FINAL_STATUSES,
    PAYMENT_MACHINE,
    REPORTS,
)
from services.payments.refunds import ExceedsCaptured

FIRST_POLL_SECONDS = 5
UNPAID_POLL_SECONDS = 30
AUTHORIZED_POLL_SECONDS = 900
GAVE_UP = "GAVE_UP"

EVENT_OF_STATUS = {
    PaymentStatus.ACTION_REQUIRED: EventType.PAYMENT_ACTION_REQUIRED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.AUTHORIZED: EventType.PAYMENT_AUTHORIZED,
    PaymentStatus.CAPTURED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.PARTLY_REFUNDED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.REFUNDED: EventType.PAYMENT_CAPTURED,
    PaymentStatus.VOIDED: EventType.PAYMENT_VOIDED,
    PaymentStatus.EXPIRED: EventType.PAYMENT_VOIDED,
}
# The time is read with the row: under the order's lock this statement does not wait.
LOCK_PAYMENT = prepared(
    select(Payment, clock.CLOCK_TIMESTAMP)
    .where(Payment.order_id == bindparam("order"))
    .order_by(Payment.id.desc())
    .limit(1)
    .with_for_update()
    .execution_options(populate_existing=True)
)


async def lock_payment(session: AsyncSession, order_id: UUID) -> Payment:
    """The payment of an order that is locked already, locked too. Raises DomainError: NotFound."""
    row = (await session.execute(LOCK_PAYMENT, {"order": order_id})).first()
    if row is None:
        raise not_found(Payment)
    payment, now = row
    clock.set_current_time(session, now)
    return payment


async def create_payment(session: AsyncSession, order: Order) -> Payment:
    """Create the payment of a new order; after FIRST_POLL_SECONDS the job calls the provider.

    The amount includes what weighed products may cost beyond the total.
    """
    payment = Payment(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        currency=order.currency,
        amount_minor=order.total_minor + order.headroom_minor,
        due_at=await current_time(session, FIRST_POLL_SECONDS),
    )
    session.add(payment)
    return payment


async def request_capture(session: AsyncSession, order: Order, amount_minor: int) -> Payment:
    """Request one capture of `amount_minor`; the rest of the authorization is released.

    An amount of zero requests a void. Raises DomainError: IllegalStep when the payment is not
    authorized, ExceedsCaptured when less is authorized.
    """
    payment = await lock_payment(session, order.id)
    if amount_minor <= 0:
        return await request_void(session, order)
    if payment.status in CAPTURED_STATUSES or payment.capture_wanted_minor is not None:
        return payment
    if payment.status is not PaymentStatus.AUTHORIZED or payment.void_wanted:
        raise _not_authorized(payment)
    if amount_minor > payment.authorized_minor:
        message = f"Only {payment.authorized_minor} minor units are held."
        raise DomainError(
            ExceedsCaptured(message=message, remaining_minor=payment.authorized_minor)
        )
    payment.capture_wanted_minor = amount_minor
    await _make_due(session, payment)
    return payment


async def request_void(session: AsyncSession, order: Order) -> Payment:
    """Request the void of the authorization, or the refund of what is captured by then."""
    payment = await lock_payment(session, order.id)
    if payment.status in CAPTURED_STATUSES:
        await refunds.refund_remainder(session, order, payment)
    elif payment.status not in FINAL_STATUSES and not payment.void_wanted:
        payment.void_wanted = True
        await _make_due(session, payment)
    return payment


async def request_refund(
    session: AsyncSession,
    order: Order,
    amount_minor: int,
    reason: RefundReason,
    note: str,
    ticket_id: UUID | None,
    actor_id: UUID | None,
) -> Refund:
    """Request the refund of a part of the captured amount. Raises DomainError: ExceedsCaptured."""
    payment = await lock_payment(session, order.id)
    return await refunds.create_refund(
        session, order, payment, amount_minor, reason, note, ticket_id, actor_id
    )


async def apply_provider_state(
    session: AsyncSession, order: Order, payment: Payment, intent: PaymentIntent
) -> bool:
    """Store the state that the provider reports; True when the status or the failure changed.

    Repeated, late and reordered reports are safe.
    """
    previous = (payment.status, payment.failure_code)
    payment.intent_id = intent.id
    payment.client_secret = intent.client_secret or payment.client_secret
    report = REPORTS.get(intent.state)
    if report is not None and payment.status in report.sources:
        (status,) = report.targets
        PAYMENT_MACHINE.set_status(payment, status)
        payment.failure_code = intent.failure_code
        payment.failure_message = intent.failure_message
        payment.next_action_url = intent.next_action_url
    await _apply_amounts(session, order, payment, intent)
    payment.due_at = await _next_poll_at(session, payment)
    if previous == (payment.status, payment.failure_code):
        return False
    payment.version += 1
    payment.tries = 0
    record_order_event(
        session,
        order,
        EVENT_OF_STATUS[payment.status],
        amount_minor=payment.captured_minor or payment.amount_minor,
        failure=payment.failure_message,
    )
    return True


async def _apply_amounts(
    session: AsyncSession, order: Order, payment: Payment, intent: PaymentIntent
) -> None:
    if payment.status is PaymentStatus.AUTHORIZED:
        payment.authorized_minor = intent.capturable_minor or intent.amount_minor
    elif payment.status in CAPTURED_STATUSES:
        payment.authorized_minor = max(payment.authorized_minor, intent.captured_minor)
        payment.captured_minor = max(payment.captured_minor, intent.captured_minor)
        # Refunds made in the dashboard of the provider count too.
        refunded_minor = min(intent.refunded_minor or 0, payment.captured_minor)
        payment.refunded_minor = max(payment.refunded_minor, refunded_minor)
        PAYMENT_MACHINE.set_status(payment, refunds.captured_payment_status(payment))
        payment.capture_wanted_minor = None
        if payment.void_wanted:
            payment.void_wanted = False
            await refunds.refund_remainder(session, order, payment)
    elif payment.status is PaymentStatus.VOIDED:
        payment.capture_wanted_minor, payment.void_wanted = None, False
        if order.status is OrderStatus.EXPIRED:
            PAYMENT_MACHINE.set_status(payment, PaymentStatus.EXPIRED)


async def stop_polling(session: AsyncSession, order: Order, payment: Payment, message: str) -> None:
    """Stop asking the provider about a payment that needs a person."""
    payment.failure_code = GAVE_UP
    payment.failure_message = message
    payment.due_at = None
    payment.version += 1
    record_order_event(session, order, EventType.PAYMENT_FAILED, failure=message)


async def _make_due(session: AsyncSession, payment: Payment) -> None:
    payment.due_at = await current_time(session)
    payment.tries = 0
    payment.version += 1
    await session.flush()


async def _next_poll_at(session: AsyncSession, payment: Payment) -> datetime | None:
    """When to ask the provider again if nothing else happens; None once the payment is final."""
    if payment.status in FINAL_STATUSES:
        return None
    if payment.void_wanted or payment.capture_wanted_minor is not None:
        return await current_time(session, FIRST_POLL_SECONDS)
    authorized = payment.status is PaymentStatus.AUTHORIZED
    return await current_time(
        session, AUTHORIZED_POLL_SECONDS if authorized else UNPAID_POLL_SECONDS
    )


def _not_authorized(payment: Payment) -> DomainError:
    message = "The money of this order is not held any more, or not yet."
    return illegal_step(message=message, state=payment.status)
