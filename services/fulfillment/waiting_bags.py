"""Packed bags that are not staged, and staged bags that nobody picks up.

Of packed bags the store is told, and support when the same time has passed again; of staged ones
both at once, because no rider is there. While they wait, the store is told again every
REMINDER_SECONDS, and a case that was resolved meanwhile is opened again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import OrderEventKind
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.orders import Order
from models.support import TicketCategory
from services import companies
from services.fulfillment.fulfillment_states import PACKED_STATUSES, PickingTask, lock
from services.orders.support_cases import close_case, open_case

REMINDER_SECONDS = 3600
_SUBJECTS = {
    FulfillmentStatus.PACKED: "Packed bags are not taken to the pickup point",
    FulfillmentStatus.STAGED: "Staged bags wait for a rider",
}
_IS_DUE = (
    Fulfillment.status.in_(PACKED_STATUSES),
    Fulfillment.next_step_due_at <= func.clock_timestamp(),
)


async def bags_deadline(session: AsyncSession, task: PickingTask) -> datetime:
    """The time until which the bags may wait in the present state, PACKED or STAGED."""
    return task.now + await _wait(session, task)


async def _wait(session: AsyncSession, task: PickingTask) -> timedelta:
    timers = await companies.read_timers(session, task.fulfillment.store_id)
    is_staged = task.fulfillment.status is FulfillmentStatus.STAGED
    seconds = timers.staged_wait_seconds if is_staged else timers.packed_wait_seconds
    return timedelta(seconds=seconds)


async def end_waiting(
    session: AsyncSession, order: Order, fulfillment: Fulfillment, resolution: str
) -> None:
    """End the timer of bags that go now, and resolve the case about them, if there is one."""
    if fulfillment.status in PACKED_STATUSES and _may_have_case(fulfillment):
        await close_case(session, order, TicketCategory.BAGS_WAITING, resolution)
    fulfillment.next_step_due_at = None


OVERDUE_BAGS = (
    select(Fulfillment.id).where(*_IS_DUE).order_by(Fulfillment.next_step_due_at, Fulfillment.id)
)
"""Fulfillments whose bags have waited for too long and were not reported, oldest first."""


async def report_waiting_bags(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Tell store and support of waiting bags, and begin the timer anew; False when they are gone.

    The session must see all companies.
    """
    task = await lock(session, fulfillment_id)
    fulfillment = task.fulfillment
    if fulfillment.status not in PACKED_STATUSES or not _is_due(task):
        return False
    task.record_change(session, OrderEventKind.FULFILLMENT_STALLED, picker_id=fulfillment.picker_id)
    wait = await _wait(session, task)
    needs_support = _needs_support(task, wait)
    pause = timedelta(seconds=REMINDER_SECONDS) if needs_support else wait
    fulfillment.next_step_due_at = task.now + pause
    if needs_support:
        kind, subject = TicketCategory.BAGS_WAITING, _SUBJECTS[fulfillment.status]
        await open_case(session, task.order, kind, subject, f"Bags of {fulfillment.order_code}.")
    await session.flush()
    return True


def _may_have_case(fulfillment: Fulfillment) -> bool:
    """False for bags of which support was never told: most of them, which saves a query.

    With a case the timer begins anew, for REMINDER_SECONDS from a moment after the packing.
    """
    due_at, packed_at = fulfillment.next_step_due_at, fulfillment.packed_at
    if due_at is None or packed_at is None:
        return True
    return due_at - packed_at >= timedelta(seconds=REMINDER_SECONDS)


def _needs_support(task: PickingTask, wait: timedelta) -> bool:
    """Whether the bags are staged, or have been packed for twice the time."""
    packed_at = task.fulfillment.packed_at
    is_packed = task.fulfillment.status is FulfillmentStatus.PACKED
    return not is_packed or packed_at is None or task.now - packed_at >= 2 * wait


def _is_due(task: PickingTask) -> bool:
    due_at = task.fulfillment.next_step_due_at
    return due_at is not None and due_at <= task.now
