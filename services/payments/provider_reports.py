"""Applies what the provider reports of payments, refuses, or does not answer.

Callers hold the order's lock. Repeated, late and reordered reports are safe.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateways.payments.interface import PaymentIntent
from models.events import OrderEventKind
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus, PaymentStuckReason
from services.core.clock import current_time
from services.events.event_log import record_order_event
from services.payments import refunds, stuck
from services.payments.payment_states import (
    CAPTURED_STATUSES,
    FINAL_STATUSES,
    PAYMENT_MACHINE,
    REPORTS,
    UNPAID_STATUSES,
    refresh_captured_status,
)

UNPAID_POLL_SECONDS = 30
AUTHORIZED_POLL_SECONDS = 900
MAX_REFUSALS = 5
FIRST_REFUSAL_SECONDS = 5.0
STUCK_POLL_SECONDS = 6 * 3_600

EVENT_OF_STATUS = {
    PaymentStatus.ACTION_REQUIRED: OrderEventKind.PAYMENT_ACTION_REQUIRED,
    PaymentStatus.FAILED: OrderEventKind.PAYMENT_FAILED,
    PaymentStatus.AUTHORIZED: OrderEventKind.PAYMENT_AUTHORIZED,
    PaymentStatus.CAPTURED: OrderEventKind.PAYMENT_CAPTURED,
    PaymentStatus.VOIDED: OrderEventKind.PAYMENT_VOIDED,
}


def has_request(payment: Payment) -> bool:
    """Whether the provider still has to void or to capture."""
    return payment.void_wanted or payment.capture_wanted_minor is not None


async def apply_provider_state(
    session: AsyncSession, order: Order, payment: Payment, intent: PaymentIntent
) -> bool:
    """Store the state that the provider reports; True when the status or the failure changed.

    A report without news leaves the schedule of an outstanding request as it is.
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
    is_new = previous != (payment.status, payment.failure_code)
    if is_new:
        payment.version += 1
        record_order_event(
            session,
            order,
            EVENT_OF_STATUS[payment.status],
            amount_minor=intent.captured_amount_minor or payment.amount_minor,
            failure=payment.failure_message,
        )
    await _apply_amounts(session, order, payment, intent)
    if is_new or not has_request(payment):
        payment.due_at = await _next_poll_at(session, payment)
        payment.tries = payment.refusals = 0
        await stuck.clear_stuck(session, order, payment)
    return is_new


async def record_unavailable(
    session: AsyncSession, order: Order, payment: Payment, message: str
) -> None:
    """Count a scheduled call that the provider did not answer, and try again later, for ever.

    A request that is outstanding for long is shown to a person, and so is an unpaid attempt, whose
    order or change waits for the answer; both stay as they are.
    """
    payment.tries += 1
    payment.last_error = message
    payment.unanswered_since = payment.unanswered_since or await current_time(session)
    payment.due_at = await current_time(session, stuck.backoff_seconds(payment.tries))
    somebody_waits = has_request(payment) or payment.status in UNPAID_STATUSES
    if payment.tries >= stuck.STUCK_AFTER_TRIES and somebody_waits:
        reason = PaymentStuckReason.PROVIDER_UNAVAILABLE
        await stuck.mark_stuck(session, order, payment, reason, message)


async def record_refusal(
    session: AsyncSession, order: Order, payment: Payment, message: str
) -> bool:
    """Count a scheduled request that the provider refused; True at the last of MAX_REFUSALS.

    From then on a person is asked, and the provider only every STUCK_POLL_SECONDS, until somebody
    resumes the payment.
    """
    was_stuck = payment.stuck_reason is PaymentStuckReason.REFUSED
    payment.refusals += 1
    payment.tries = 0
    payment.last_error = message
    in_a_row = payment.refusals % MAX_REFUSALS
    if in_a_row and not was_stuck:
        delay_seconds = stuck.backoff_seconds(in_a_row, FIRST_REFUSAL_SECONDS)
        payment.due_at = await current_time(session, delay_seconds)
        return False
    payment.due_at = await current_time(session, STUCK_POLL_SECONDS)
    await stuck.mark_stuck(session, order, payment, PaymentStuckReason.REFUSED, message)
    return not was_stuck


async def close_unopened(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Void a payment that was never opened at the provider, or so long ago that nobody can pay it.

    Its client secret never reached the customer.
    """
    PAYMENT_MACHINE.move(payment, PaymentStatus.VOIDED)
    record_order_event(
        session, order, OrderEventKind.PAYMENT_VOIDED, amount_minor=payment.amount_minor
    )
    _end_void(order, payment)
    payment.due_at = None
    await stuck.clear_stuck(session, order, payment)


async def _apply_amounts(
    session: AsyncSession, order: Order, payment: Payment, intent: PaymentIntent
) -> None:
    if payment.status is PaymentStatus.AUTHORIZED:
        payment.authorized_amount_minor = intent.capturable_minor or intent.amount_minor
    elif payment.status in CAPTURED_STATUSES:
        payment.authorized_amount_minor = max(
            payment.authorized_amount_minor, intent.captured_amount_minor
        )
        payment.captured_amount_minor = max(
            payment.captured_amount_minor, intent.captured_amount_minor
        )
        payment.capture_wanted_minor = None
        refresh_captured_status(payment)
        if payment.void_wanted or payment.keep_minor is not None:
            keep_minor = payment.keep_minor or 0
            payment.void_wanted, payment.keep_minor = False, None
            await refunds.refund_remainder(session, order, payment, keep_minor)
    elif payment.status is PaymentStatus.VOIDED:
        _end_void(order, payment)


def _end_void(order: Order, payment: Payment) -> None:
    payment.capture_wanted_minor, payment.void_wanted, payment.keep_minor = None, False, None
    if payment.is_current and order.cancellation_fee_minor:
        order.cancellation_fee_minor = 0  # the authorization had ended: nothing was charged
        order.version += 1
    if order.status is OrderStatus.EXPIRED:
        PAYMENT_MACHINE.set_status(payment, PaymentStatus.EXPIRED)


async def _next_poll_at(session: AsyncSession, payment: Payment) -> datetime | None:
    """When to ask the provider again if nothing else happens; None once the payment is final."""
    if payment.status in FINAL_STATUSES:
        return None
    if has_request(payment):
        return await current_time(session)
    authorized = payment.status is PaymentStatus.AUTHORIZED
    return await current_time(
        session, AUTHORIZED_POLL_SECONDS if authorized else UNPAID_POLL_SECONDS
    )
