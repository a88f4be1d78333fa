"""Reopens the payment of a confirmed order whose authorization has ended before the capture.

The order keeps its state: the store may go on picking, but nothing is handed over. The customer
confirms a new payment attempt within the store's `reauthorization_seconds`, or the order is
canceled. Callers hold the order's lock.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.money import amount_text
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import Payment, PaymentStatus
from models.support import TicketCategory
from services import companies
from services.checkout import cancellation, payment_deadlines
from services.core.clock import current_time
from services.events.event_log import record_order_event
from services.fulfillment import pickups
from services.orders import order_conditions, order_locks, order_states, support_cases
from services.payments import payment_states, payments, pending_changes


async def handle_lost_authorization(
    session: AsyncSession, order: Order, payment: Payment, message: str
) -> None:
    """Ask for a new authorization; once the bags have left the store, ask support to act.

    `payment` is the locked current attempt: voided or expired at the provider, or one whose capture
    the provider refuses for good. Nothing happens when nothing is owed or the order has ended.
    """
    if order.status not in OWING or order.final_total_minor == 0:
        return
    if order.status is OrderStatus.CONFIRMED and await _is_in_the_store(session, order):
        await _reopen(session, order, payment, message)
    else:
        await _tell_support(session, order, payment, message)


OWING = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})


async def resume(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Go on with an order whose new attempt is authorized: capture it if the bags are packed."""
    if order.payment_due_at is None:
        return
    order.payment_due_at = None
    order.version += 1
    record_order_event(
        session,
        order,
        OrderEventKind.PAYMENT_RENEWED,
        queue_store_id=order.store_id,
        amount_minor=payment.authorized_amount_minor,
    )
    await pickups.wait_again(session, order)
    if order.final_total_minor is not None and payment.status is PaymentStatus.AUTHORIZED:
        await payments.request_capture(session, order, order.final_total_minor)


async def cancel_unpaid(session: AsyncSession, order_id: UUID) -> bool:
    """Cancel an order whose payment was not confirmed again in time; False when time is left.

    The bags go back to the shelves by a task of the store.
    """
    order = await order_locks.lock(session, order_id)
    now = await current_time(session)
    if (
        order.status is not OrderStatus.CONFIRMED
        or order.payment_due_at is None
        or order.payment_due_at > now
    ):
        return False
    payment = await payments.lock_payment(session, order.id)
    if payment.status not in payment_states.UNPAID_STATUSES:
        return False
    if await payment_deadlines.give_time_for_bank(session, order, payment):
        return False
    await cancel_for_lost_payment(session, order)
    return True


async def cancel_for_lost_payment(session: AsyncSession, order: Order) -> None:
    """Cancel a confirmed order that nobody pays for: customer, store and support are told."""
    await cancellation.cancel_for_cause(session, order, OrderCancelReason.PAYMENT_LOST)
    subject = "An order was canceled because its payment was lost"
    details = f"Order {order.code}: the customer did not confirm the payment again in time."
    await support_cases.open_case(session, order, TicketCategory.PAYMENT, subject, details)


async def _tell_support(
    session: AsyncSession, order: Order, payment: Payment, message: str
) -> None:
    """Record the loss, and open a case unless the stuck payment has one: only a race leads here."""
    amount_minor = _owed(order)
    record_order_event(
        session, order, OrderEventKind.PAYMENT_LOST, amount_minor=amount_minor, failure=message
    )
    if payment.stuck_at is None:
        owed = amount_text(amount_minor, order.currency)
        subject = f"{owed} of a delivered order are not paid"
        await support_cases.open_case(session, order, TicketCategory.NOT_PAID, subject, message)


async def _reopen(session: AsyncSession, order: Order, lost: Payment, message: str) -> None:
    await pending_changes.end_pending_change(session, order)
    lost.is_current = False
    lost.capture_wanted_minor = None
    await payments.void_attempt(session, order, lost)
    await session.flush()
    renewed = await payments.create_payment(session, order, _owed(order))
    renewed.due_at = await current_time(session)
    timers = await companies.read_timers(session, order.store_id)
    order.payment_due_at = await current_time(session, timers.reauthorization_seconds)
    order.version += 1
    await session.flush()
    record_order_event(
        session,
        order,
        OrderEventKind.PAYMENT_REOPENED,
        queue_store_id=order.store_id,
        amount_minor=renewed.amount_minor,
        due_at=order.payment_due_at,
        failure=message,
    )


def _owed(order: Order) -> int:
    """What is charged for the bags; before they are packed the total and authorization buffer."""
    charged = order.final_total_minor
    return order.total_minor + order.authorization_buffer_minor if charged is None else charged


async def _is_in_the_store(session: AsyncSession, order: Order) -> bool:
    """Whether the bags, packed or not, have not left the store."""
    progress = await order_states.read_progress(session, order)
    return order_conditions.bags_are_in_the_store(progress)
