"""Detects fulfillments idle for MAX_IDLE_SECONDS and notifies store and customer once."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import EventType
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.orders import Order
from services.fulfillment.fulfillment_states import PickingTask, load_task

MAX_IDLE_SECONDS = 600
IN_PROGRESS = frozenset({FulfillmentStatus.ACCEPTED, FulfillmentStatus.PICKING})
_IDLE = (Fulfillment.status.in_(IN_PROGRESS), Fulfillment.due_at <= func.clock_timestamp())


def idle_deadline(task: PickingTask) -> datetime:
    """The time at which a task that is worked on now becomes stalled."""
    return task.now + timedelta(seconds=MAX_IDLE_SECONDS)


async def stalled_fulfillments(session: AsyncSession, limit: int) -> list[UUID]:
    """Fulfillments in progress, idle for MAX_IDLE_SECONDS and not yet reported, oldest first."""
    statement = select(Fulfillment.id).where(*_IDLE).order_by(Fulfillment.due_at)
    return list(await session.scalars(statement.limit(limit)))


async def report_stalled(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Record that a fulfillment is stalled, once until it changes again.

    False when it has changed, or when its order is locked by another transaction.
    """
    order = await session.scalar(
        select(Order)
        .join(Fulfillment, Fulfillment.order_id == Order.id)
        .where(Fulfillment.id == fulfillment_id, *_IDLE)
        .with_for_update(of=Order, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if order is None:
        return False
    task = await load_task(session, order, fulfillment_id)
    fulfillment = task.fulfillment
    if (
        fulfillment.status not in IN_PROGRESS
        or fulfillment.due_at is None
        or fulfillment.due_at > task.now
    ):
        return False
    fulfillment.due_at = None
    task.record_change(session, EventType.FULFILLMENT_STALLED, picker_id=fulfillment.picker_id)
    await session.flush()
    return True
