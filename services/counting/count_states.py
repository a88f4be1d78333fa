"""One cycle count: the table of its steps, the way in, and what is told of it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountAction, StockCountStatus
from models.identity import Actor, Role
from services.core.access import MANAGER_ROLES, STORE_ROLES, works_in
from services.core.problems import IllegalStep, Refused, VersionConflict, not_found
from services.events.event_log import counts_stream, happened

COUNTING, SUBMITTED = StockCountStatus.COUNTING, StockCountStatus.SUBMITTED

# From which states a step leads on, and for whom; what is offered and refused is read off here.
STEPS: dict[StockCountAction, tuple[frozenset[StockCountStatus], frozenset[Role]]] = {
    StockCountAction.COUNT: (frozenset({COUNTING}), STORE_ROLES),
    StockCountAction.SUBMIT: (frozenset({COUNTING}), STORE_ROLES),
    StockCountAction.APPROVE: (frozenset({SUBMITTED}), MANAGER_ROLES),
    StockCountAction.REJECT: (frozenset({SUBMITTED}), MANAGER_ROLES),
    StockCountAction.CANCEL: (frozenset({COUNTING, SUBMITTED}), MANAGER_ROLES),
}


def available_actions(row: StockCount, actor: Actor) -> list[StockCountAction]:
    """The steps that this person can take now."""
    return [
        action
        for action, (states, roles) in STEPS.items()
        if row.status in states and actor.works_at(row.company_id, row.store_id, roles)
    ]


async def enter(
    session: AsyncSession,
    actor: Actor,
    count_id: UUID,
    action: StockCountAction,
    expected_version: int | None = None,
) -> StockCount:
    """The count, if the actor may take this step now; locked, though counters don't wait.

    Several people count at once: they share the lock, and whoever submits waits for them.
    Refused: NotFound, IllegalStep (also for the slower of two people), VersionConflict.
    """
    shared = action is StockCountAction.COUNT
    locked = select(StockCount).where(StockCount.id == count_id).with_for_update(read=shared)
    row = await session.scalar(locked.execution_options(populate_existing=True))
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(StockCount, "countId")
    legal = available_actions(row, actor)
    if action not in legal:
        message = f"{action} is not for you to do while the count is {row.status}."
        path = ["input", "countId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*legal]))
    if expected_version not in (None, row.version):
        message = f"Somebody else was faster: the count is {row.status} now."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    return row


async def move(session: AsyncSession, row: StockCount, status: StockCountStatus) -> StockCount:
    """Put a locked count into another state and tell its store."""
    row.status = status
    row.version += 1
    await session.flush()
    tell(session, row)
    return row


def tell(session: AsyncSession, row: StockCount) -> None:
    body = {"count_id": row.id, "status": row.status, "round": row.round, "version": row.version}
    stream, happens = counts_stream(row.store_id), f"COUNT_{row.status}"
    happened(session, stream, happens, body, company_id=row.company_id)
