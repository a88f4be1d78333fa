"""Tasks that a picker took on and then left lying: their store and their customer are told once."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import EventType
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.orders import Order
from services.fulfillment.picking_states import Task, under_lock

STALL_SECONDS = 600
IN_HAND = frozenset({FulfillmentStatus.ACCEPTED, FulfillmentStatus.PICKING})
_LATE = (Fulfillment.status.in_(IN_HAND), Fulfillment.due_at <= func.clock_timestamp())


def stalls_at(task: Task) -> datetime:
    """Until when a task that is worked on now has to be worked on again."""
    return task.now + timedelta(seconds=STALL_SECONDS)


async def stalled(session: AsyncSession, limit: int) -> list[UUID]:
    """Tasks in hand without a change for STALL_SECONDS that nobody was told of, oldest first."""
    late = select(Fulfillment.id).where(*_LATE).order_by(Fulfillment.due_at)
    return list(await session.scalars(late.limit(limit)))


async def tell(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Record that a task stands still, once until it goes on.

    False when it has gone on, or somebody is at work on its order right now.
    """
    order = await session.scalar(
        select(Order)
        .join(Fulfillment, Fulfillment.order_id == Order.id)
        .where(Fulfillment.id == fulfillment_id, *_LATE)
        .with_for_update(of=Order, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if order is None:
        return False
    task = await under_lock(session, order, fulfillment_id)
    row = task.fulfillment
    if row.status not in IN_HAND or row.due_at is None or row.due_at > task.now:
        return False
    row.due_at = None
    task.tell(session, EventType.FULFILLMENT_STALLED, picker_id=row.picker_id)
    await session.flush()
    return True
