"""Cancels an order on behalf of its customer or of support."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.orders import CancelReason, Order, OrderAction, OrderStatus
from services.core.text import parse_line
from services.delivery import deliveries
from services.fulfillment import fulfillments
from services.orders import order_states
from services.payments import payments
from services.stock import reservations

MAX_NOTE_LENGTH = 500


async def cancel_order(
    session: AsyncSession, *, actor: Actor, order_id: UUID, reason: CancelReason, note: str = ""
) -> Order:
    """Cancel an order: end picking and delivery, restock the units, void or refund the payment.

    Customers can cancel until the order is packed, or later when no rider is found for long;
    support until it has left the store.
    Raises DomainError: NotFound (also for other people's orders), IllegalStep, InvalidInput.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    order = await order_states.begin(session, actor, order_id, OrderAction.CANCEL)
    await _cancel(session, order, reason, note, actor.person_id)
    return order


async def cancel_for_cause(
    session: AsyncSession, order: Order, reason: CancelReason, note: str = ""
) -> None:
    """Cancel a locked order by the system, with a full refund; the reason says why."""
    await _cancel(session, order, reason, note, None)


async def _cancel(
    session: AsyncSession, order: Order, reason: CancelReason, note: str, actor_id: UUID | None
) -> None:
    if order.status is OrderStatus.PLACED:
        await reservations.release(session, [order.id])
    else:
        await fulfillments.cancel_for_order(session, order, actor_id)
        await deliveries.cancel_for_order(session, order)
    await payments.request_void(session, order)
    await order_states.mark_canceled(session, order, reason, note)
