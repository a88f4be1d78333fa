"""Deadlines of payment attempts: of a new order, of a lost authorization, of a change of an order.

A provider that does not answer ends nothing. What waits for its answer keeps its state after the
deadline, and the units reserved for a new order are released after MAX_UNANSWERED_SECONDS. When the
provider answers again, the customer gets further time, once for each attempt.
"""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.orders import Order, OrderChange, OrderLine, OrderStatus
from models.payments import Payment, PaymentStatus
from services.core.clock import current_time
from services.events.event_log import record_order_event
from services.orders import order_locks
from services.payments import payment_states, payments, pending_changes
from services.stock import reservation_decisions, reservation_store, reservations
from services.stock.reservation_decisions import ReservationRequest, ReservationSuccess

FURTHER_SECONDS = 180
"""Further time of an attempt: once while the bank asks, once after the provider was out."""
MAX_UNANSWERED_SECONDS = 900
"""How long after its deadline a new order keeps its units while the provider does not answer."""
WAITING = frozenset({OrderStatus.PLACED, OrderStatus.CONFIRMED})


async def wait_for_answer(session: AsyncSession, order_id: UUID, payment_id: UUID) -> bool:
    """Note that the provider was asked about an attempt whose deadline is over, without an answer.

    False when nothing waits any more, or time is left.
    """
    order = await order_locks.lock(session, order_id)
    payment = await payments.lock_payment_by_id(session, payment_id)
    waiting = await _waiting(session, order, payment)
    now = await current_time(session)
    if waiting is None or waiting.payment_due_at is None or waiting.payment_due_at > now:
        return False
    payment.unanswered_since = payment.unanswered_since or now
    waited_seconds = (now - waiting.payment_due_at).total_seconds()
    is_new = order.status is OrderStatus.PLACED and not payment.reservation_released
    if is_new and waited_seconds >= MAX_UNANSWERED_SECONDS:
        # A payment that is found later sells the units that are available then.
        payment.reservation_released = True
        await reservations.release(session, [order.id])
    return True


async def give_time_after_outage(session: AsyncSession, order: Order, payment: Payment) -> None:
    """Give the customer further time when the provider answers about a locked attempt again.

    Once for each attempt, and not for a new order whose units were released and sold meanwhile.
    """
    if payment.unanswered_since is None:
        return
    payment.unanswered_since = None
    if payment.outage_extended or payment.status not in payment_states.UNPAID_STATUSES:
        return
    if payment.reservation_released and not await _reserve_again(session, order, payment):
        return
    payment.outage_extended = await _extend(session, order, payment)


async def give_time_for_bank(session: AsyncSession, order: Order, payment: Payment) -> bool:
    """Give a locked attempt further time while the bank asks the customer, once."""
    if payment.status is not PaymentStatus.ACTION_REQUIRED or payment.time_extended:
        return False
    payment.time_extended = True
    return await _extend(session, order, payment)


async def _extend(session: AsyncSession, order: Order, payment: Payment) -> bool:
    """Leave FURTHER_SECONDS at least for an attempt, and for the units that wait for it."""
    waiting = await _waiting(session, order, payment)
    due_at = await current_time(session, FURTHER_SECONDS)
    if waiting is None or waiting.payment_due_at is None or waiting.payment_due_at >= due_at:
        return False
    waiting.payment_due_at = due_at
    waiting.version += 1
    facts = {"change_id": waiting.id} if isinstance(waiting, OrderChange) else {}
    record_order_event(
        session, order, OrderEventKind.PAYMENT_DEADLINE_EXTENDED, due_at=due_at, **facts
    )
    seconds = FURTHER_SECONDS + reservations.RESERVATION_GRACE_SECONDS
    await reservation_store.extend(session, waiting.id, await current_time(session, seconds))
    return True


async def _waiting(
    session: AsyncSession, order: Order, payment: Payment
) -> Order | OrderChange | None:
    """The locked order, or its change, that waits for an attempt until `payment_due_at`."""
    if payment.is_current:
        return order if order.status in WAITING else None
    return await pending_changes.change_paid_by(session, order, payment)


async def _reserve_again(session: AsyncSession, order: Order, payment: Payment) -> bool:
    """Reserve the units of a new order again, if they are still available."""
    rows = await session.execute(
        select(OrderLine.product_id, func.sum(OrderLine.quantity))
        .where(OrderLine.order_id == order.id)
        .group_by(OrderLine.product_id)
    )
    units = {product_id: int(quantity) for product_id, quantity in rows}
    seconds = FURTHER_SECONDS + reservations.RESERVATION_GRACE_SECONDS
    request = ReservationRequest(order.company_id, order.store_id, order.id, units, seconds)
    (result,) = await reservation_decisions.reserve_batch(session, [request])
    payment.reservation_released = not isinstance(result, ReservationSuccess)
    return not payment.reservation_released
