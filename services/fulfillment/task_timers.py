"""Timers of tasks: how long one may be idle, and how a job locks one that is due."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import Fulfillment
from models.orders import Order
from services import companies
from services.fulfillment.fulfillment_states import PickingTask, load_task


async def idle_deadline(session: AsyncSession, task: PickingTask) -> datetime:
    """The time at which a task that is worked on now becomes stalled."""
    timers = await companies.read_timers(session, task.fulfillment.store_id)
    return task.now + timedelta(seconds=timers.picking_idle_seconds)


async def lock_if_free(
    session: AsyncSession, fulfillment_id: UUID, *conditions: ColumnElement[bool]
) -> PickingTask | None:
    """Lock the order of a fulfillment for which the conditions hold, and load the fulfillment.

    For timers: None when they hold no longer, or when another transaction has locked the order.
    """
    order = await session.scalar(
        select(Order)
        .join(Fulfillment, Fulfillment.order_id == Order.id)
        .where(Fulfillment.id == fulfillment_id, *conditions)
        .with_for_update(of=Order, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if order is None:
        return None
    # The order is locked: decide by the row as it is now.
    holds = select(Fulfillment.id).where(Fulfillment.id == fulfillment_id, *conditions)
    if await session.scalar(holds) is None:
        return None
    return await load_task(session, order, fulfillment_id)
