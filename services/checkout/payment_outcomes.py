"""What a payment decides about its order: confirmation, expiry or failure.

Every function locks the order first and is safe to repeat, so webhooks, polls and jobs may race.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from gateways.payments.interface import PaymentIntent, RefundResult
from models.orders import Order, OrderCancelReason, OrderLine, OrderStatus
from models.payments import Payment, PaymentStatus
from models.stock import StockMovementReason
from services.checkout import order_changes, payment_deadlines, reauthorization
from services.core.clock import current_time
from services.fulfillment import queueing
from services.orders import order_locks, order_states
from services.payments import payment_states, payments, provider_reports, refund_results
from services.stock import movements, reservations

ENDED_BEFORE_COMPLETION = frozenset(
    {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.PAYMENT_FAILED}
)
# The bank asks the customer for authentication, or a card was declined and another may follow.
CUSTOMER_IS_PAYING = frozenset({PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED})
PAYMENT_EXTENSION_SECONDS = 180
# The order that an intent pays, locked before anything else that belongs to it.
LOCK_ORDER_OF_INTENT = prepared(
    select(Order)
    .where(
        Order.id
        == select(Payment.order_id)
        .where(
            or_(
                Payment.intent_id == bindparam("intent"),
                and_(Payment.id == bindparam("payment", type_=Uuid), Payment.intent_id.is_(None)),
            )
        )
        .limit(1)
        .scalar_subquery()
    )
    .with_for_update(of=Order)
    .execution_options(populate_existing=True)
)


async def apply_payment_state(
    session: AsyncSession, intent: PaymentIntent, refunds: Sequence[RefundResult] = ()
) -> Order | None:
    """Store the provider's state of a payment and of its refunds, and change its order accordingly.

    None for an intent that belongs to no payment. Equal, late and reordered answers of the
    provider are safe: a payment never goes back to an earlier status.
    """
    order = await session.scalar(
        LOCK_ORDER_OF_INTENT, {"intent": intent.id, "payment": intent.payment_id}
    )
    if order is None:
        return None
    payment = await payments.lock_attempt_of_intent(session, order, intent)
    if payment is None:
        return None
    changed = await provider_reports.apply_provider_state(session, order, payment, intent)
    await refund_results.apply_results(session, order, payment, refunds)
    if changed and payment.is_current and payment.status in CUSTOMER_IS_PAYING:
        await reservations.extend(session, order, PAYMENT_EXTENSION_SECONDS)
    await payment_deadlines.give_time_after_outage(session, order, payment)
    if payment.status in payment_states.PAID_STATUSES:
        await _apply_paid(session, order, payment)
    elif payment.status in payment_states.FINAL_STATUSES:
        await _apply_voided(session, order, payment)
    return order


async def expire_order(session: AsyncSession, order_id: UUID) -> bool:
    """End an order that was not paid in time; False when its status changed or time is left.

    While the bank asks the customer for authentication, the deadline is extended up to the maximum
    after the order was placed. After a declined card that nobody retried the payment has failed.
    """
    order = await order_locks.lock(session, order_id)
    now = await current_time(session)
    if (
        order.status is not OrderStatus.PLACED
        or order.payment_due_at is None
        or order.payment_due_at > now
    ):
        return False
    payment = await payments.lock_payment(session, order.id)
    authenticating = payment.status is PaymentStatus.ACTION_REQUIRED
    if authenticating and await reservations.extend(session, order, PAYMENT_EXTENSION_SECONDS):
        return False
    if payment.status is PaymentStatus.FAILED:
        message = payment.failure_message or "The card was declined."
        await order_states.mark_payment_failed(session, order, message)
    else:
        await order_states.mark_expired(session, order)
    await payments.request_void(session, order)
    return True


async def fail_payment(session: AsyncSession, payment: Payment, message: str) -> None:
    """End an order whose payment the provider rejected for good."""
    order = await order_locks.lock(session, payment.order_id)
    payment = await payments.lock_payment_by_id(session, payment.id)
    if payment.status in payment_states.UNPAID_STATUSES:
        payment_states.PAYMENT_MACHINE.move(payment, PaymentStatus.FAILED)
        payment.due_at, payment.void_wanted = None, False
        payment.failure_message = message
    if not payment.is_current:
        await order_changes.give_up_change(session, order, payment)
        return
    if order.status is OrderStatus.PLACED:
        await order_states.mark_payment_failed(session, order, message)
    elif order.status is OrderStatus.CONFIRMED and order.payment_due_at is not None:
        await reauthorization.cancel_for_lost_payment(session, order)


async def apply_refusal(
    session: AsyncSession, order: Order, payment: Payment, message: str
) -> None:
    """Count a refused void or capture of a locked payment, if it is still wanted.

    A capture that is refused for good is a lost authorization.
    """
    if not provider_reports.has_request(payment):
        return
    is_final = await provider_reports.record_refusal(session, order, payment, message)
    if is_final and payment.is_current and not payment.void_wanted:
        await reauthorization.handle_lost_authorization(session, order, payment, message)


async def close_unopened_payment(session: AsyncSession, payment: Payment) -> None:
    """Void a payment that was not opened at the provider while anybody could have paid it."""
    order = await order_locks.lock(session, payment.order_id)
    locked = await payments.lock_payment_by_id(session, payment.id)
    if locked.intent_id is None and locked.status not in payment_states.FINAL_STATUSES:
        await provider_reports.close_unopened(session, order, locked)


async def _apply_paid(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Confirm a placed order; void the authorization of an order that has ended."""
    if not payment.is_current:
        await order_changes.apply_paid_change(session, order, payment)
    elif order.status is OrderStatus.PLACED:
        await _confirm(session, order)
    elif order.status is OrderStatus.CONFIRMED:
        await reauthorization.resume(session, order, payment)
    elif order.status in ENDED_BEFORE_COMPLETION and not order.cancellation_fee_minor:
        await _release(session, order, payment)


async def _release(session: AsyncSession, order: Order, payment: Payment) -> None:
    if payment.status is PaymentStatus.AUTHORIZED:
        await payments.void_attempt(session, order, payment)


async def _apply_voided(session: AsyncSession, order: Order, payment: Payment) -> None:
    """End an unpaid order; ask for a new authorization of one that is being fulfilled."""
    message = "The payment was canceled."
    if not payment.is_current:
        await order_changes.give_up_change(session, order, payment)
    elif order.status is OrderStatus.PLACED:
        await order_states.mark_payment_failed(session, order, message)
    else:
        await reauthorization.handle_lost_authorization(session, order, payment, message)


async def _confirm(session: AsyncSession, order: Order) -> None:
    """Sell the reserved units, confirm the order and queue it at its store."""
    if not await reservations.commit_sale(session, [order]):
        # The reservation is gone although the order is not: released while the provider was out.
        units = await _units(session, order)
        store, actor_id = (order.store_id, order.company_id), order.customer_id
        reference = str(order.id)
        if await movements.deduct(
            session, *store, units, StockMovementReason.SALE, reference, actor_id
        ):
            await payments.request_void(session, order)
            await order_states.mark_canceled(session, order, OrderCancelReason.OUT_OF_STOCK)
            return
    await order_states.mark_confirmed(session, order)
    await session.flush()
    await queueing.create_fulfillment(session, order, order.store_id)


async def _units(session: AsyncSession, order: Order) -> dict[UUID, int]:
    rows = await session.execute(
        select(OrderLine.product_id, OrderLine.quantity).where(OrderLine.order_id == order.id)
    )
    return dict(rows.all())
