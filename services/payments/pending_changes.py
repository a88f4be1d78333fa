"""Ends a requested change of an order that waits for its payment.

Whatever makes the change impossible calls it in its own transaction: packing, canceling, rerouting,
a lost authorization, the customer, the deadline. The order's row is locked.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.orders import Order, OrderChange, OrderChangeStatus
from models.payments import Payment
from services.events.event_log import record_order_event
from services.orders import order_change_states
from services.payments import payments
from services.stock import reservations

EVENTS = {
    OrderChangeStatus.WITHDRAWN: OrderEventKind.ORDER_CHANGE_WITHDRAWN,
    OrderChangeStatus.EXPIRED: OrderEventKind.ORDER_CHANGE_EXPIRED,
}


async def change_paid_by(
    session: AsyncSession, order: Order, payment: Payment
) -> OrderChange | None:
    """The pending change of a locked order, if this attempt is to pay it."""
    if order.pending_change_id is None:
        return None
    change = await session.get_one(OrderChange, order.pending_change_id, populate_existing=True)
    return change if change.payment_id == payment.id else None


async def end_pending_change(
    session: AsyncSession,
    order: Order,
    status: OrderChangeStatus = OrderChangeStatus.WITHDRAWN,
) -> OrderChange | None:
    """End the pending change of a locked order, if it has one: the order stays as it is.

    The units reserved for it are released, its payment attempt is voided.
    """
    if order.pending_change_id is None:
        return None
    change = await session.get_one(OrderChange, order.pending_change_id, populate_existing=True)
    order.pending_change_id = None
    order.version += 1
    order_change_states.MACHINE.move(change, status)
    change.payment_due_at = None
    await session.flush()
    await reservations.release(session, [change.id])
    if change.payment_id is not None:
        attempt = await payments.lock_payment_by_id(session, change.payment_id)
        await payments.void_attempt(session, order, attempt)
    record_order_event(session, order, EVENTS[status], change_id=change.id)
    return change
