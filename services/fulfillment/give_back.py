"""Returns accepted tasks to the queue: given back by staff, idle, or without their picker.

What was picked stays recorded, so that the next picker continues where the last one stopped.
A task with units in its bags has more time to be accepted again before it moves to another store.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership
from models.events import OrderEventKind
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from services import companies
from services.core.access import STORE_ROLES
from services.fulfillment.fulfillment_states import (
    GIVE_BACK,
    IN_PROGRESS,
    MACHINE,
    PickingTask,
    begin,
    lock,
)
from services.fulfillment.line_states import has_units_in_bag
from services.fulfillment.task_timers import lock_if_free

_IS_IDLE = Fulfillment.next_step_due_at <= func.clock_timestamp()
_PICKER_WORKS_HERE = exists().where(
    Membership.person_id == Fulfillment.picker_id,
    Membership.revoked_at.is_(None),
    Membership.role.in_(STORE_ROLES),
    or_(Membership.company_id.is_(None), Membership.company_id == Fulfillment.company_id),
    or_(Membership.store_id.is_(None), Membership.store_id == Fulfillment.store_id),
)
_PICKER_LEFT = and_(Fulfillment.picker_id.is_not(None), ~_PICKER_WORKS_HERE)
_STALLED = (Fulfillment.status.in_(IN_PROGRESS), or_(_IS_IDLE, _PICKER_LEFT))


async def give_back(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    expected_version: int | None = None,
) -> Fulfillment:
    """Return a task to its store's queue, by any of the store's staff.

    Raises DomainError: NotFound, InvalidTransition, VersionConflict.
    """
    task = await begin(session, actor, fulfillment_id, GIVE_BACK, expected_version)
    await _return_to_queue(session, task, OrderEventKind.FULFILLMENT_GIVEN_BACK)
    await session.flush()
    return task.fulfillment


STALLED_FULFILLMENTS = (
    select(Fulfillment.id).where(*_STALLED).order_by(Fulfillment.next_step_due_at, Fulfillment.id)
)
"""Tasks in progress that are idle or whose picker lost their role in the store."""


async def give_back_stalled(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """Return a stalled task to its store's queue.

    False when it has changed, or when its order is locked by another transaction.
    """
    task = await lock_if_free(session, fulfillment_id, *_STALLED)
    if task is None:
        return False
    is_idle = await session.scalar(select(_IS_IDLE).where(Fulfillment.id == fulfillment_id))
    stalled, given_back = OrderEventKind.FULFILLMENT_STALLED, OrderEventKind.FULFILLMENT_GIVEN_BACK
    await _return_to_queue(session, task, stalled if is_idle else given_back)
    await session.flush()
    return True


async def give_back_of_person(session: AsyncSession, person_id: UUID) -> int:
    """Return the tasks of a person who has just lost a role in their store; returns how many.

    Call it after the role is revoked, in the same transaction, which must see all companies.
    """
    of_person = (Fulfillment.picker_id == person_id, Fulfillment.status.in_(IN_PROGRESS))
    tasks = select(Fulfillment.id).where(*of_person, _PICKER_LEFT).order_by(Fulfillment.order_id)
    count = 0
    for fulfillment_id in (await session.scalars(tasks)).all():
        task = await lock(session, fulfillment_id)
        fulfillment = task.fulfillment
        if fulfillment.picker_id == person_id and fulfillment.status in IN_PROGRESS:
            await _return_to_queue(session, task, OrderEventKind.FULFILLMENT_GIVEN_BACK)
            count += 1
    await session.flush()
    return count


async def _return_to_queue(
    session: AsyncSession, task: PickingTask, event_type: OrderEventKind
) -> None:
    """Queue a task again: it moves to another store later when its bags are half full.

    Then another store would pick everything anew, while a person has to put these units back.
    """
    fulfillment = task.fulfillment
    timers = await companies.read_timers(session, fulfillment.store_id)
    has_units = any(has_units_in_bag(line) for line in task.lines)
    seconds = timers.resume_seconds if has_units else timers.accept_seconds
    picker_id, fulfillment.picker_id = fulfillment.picker_id, None
    MACHINE.move(fulfillment, FulfillmentStatus.QUEUED)
    fulfillment.next_step_due_at = task.now + timedelta(seconds=seconds)
    task.record_change(session, event_type, picker_id=picker_id)
