"""Reminds a store of units that nobody has put back, and support when the store does nothing."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.support import TicketCategory
from services.fulfillment.put_back import IS_OPEN
from services.fulfillment.task_timers import lock_if_free
from services.orders.support_cases import open_case

REMINDER_SECONDS = 3600
REMINDERS_BEFORE_SUPPORT = 1
_OVERDUE = (*IS_OPEN, Fulfillment.next_step_due_at <= func.clock_timestamp())


OVERDUE_PUT_BACKS = (
    select(Fulfillment.id).where(*_OVERDUE).order_by(Fulfillment.next_step_due_at, Fulfillment.id)
)
"""Ended tasks whose units should have been put back, the longest overdue first."""


async def remind(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Tell the store, again every REMINDER_SECONDS, and support from the second time on.

    False when it has changed, or when its order is locked by another transaction.
    """
    task = await lock_if_free(session, fulfillment_id, *_OVERDUE)
    if task is None:
        return False
    fulfillment = task.fulfillment
    fulfillment.put_back_reminders += 1
    fulfillment.next_step_due_at = task.now + timedelta(seconds=REMINDER_SECONDS)
    reminders = fulfillment.put_back_reminders
    task.record_change(session, OrderEventKind.FULFILLMENT_PUT_BACK_OVERDUE, reminders=reminders)
    if reminders > REMINDERS_BEFORE_SUPPORT:
        kind, subject = TicketCategory.PUT_BACK_OVERDUE, "Picked units wait to be put back"
        await open_case(session, task.order, kind, subject, f"Bags of {fulfillment.order_code}.")
    await session.flush()
    return True
