"""State machine of a stock count: its transitions, who may make them, and the event of a change."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountAction, StockCountStatus
from models.identity import Actor
from services.core.access import MANAGER_ROLES, STORE_ROLES, may_operate_store
from services.core.state_machine import (
    AutomaticTransition,
    StateMachine,
    Transition,
    has_role_in_store,
)
from services.events.event_log import counts_stream, record_event

Action, Status = StockCountAction, StockCountStatus


def may_see(row: StockCount, actor: Actor) -> bool:
    """Whether the actor works in the store of the count."""
    return may_operate_store(actor, row.company_id, row.store_id)


# COUNT takes a shared lock, so that several people can count at once; the others wait for them.
MACHINE: StateMachine[StockCount, StockCountAction, StockCountStatus] = StateMachine(
    name="StockCount",
    model=StockCount,
    status=Status,
    noun="count",
    id_path="stockCountId",
    initial={Status.IN_PROGRESS},
    transitions=(
        Transition(Action.COUNT, {Status.IN_PROGRESS}, roles=STORE_ROLES),
        Transition(Action.SUBMIT, {Status.IN_PROGRESS}, {Status.SUBMITTED}, STORE_ROLES),
        Transition(Action.APPROVE, {Status.SUBMITTED}, {Status.APPROVED}, MANAGER_ROLES),
        Transition(Action.REJECT, {Status.SUBMITTED}, {Status.IN_PROGRESS}, MANAGER_ROLES),
        Transition(
            Action.CANCEL, {Status.IN_PROGRESS, Status.SUBMITTED}, {Status.CANCELED}, MANAGER_ROLES
        ),
    ),
    automatic=(
        AutomaticTransition(
            "fulfillment: a product of the count is missing at a rejection or at picking",
            {Status.SUBMITTED},
            {Status.IN_PROGRESS},
            mutation="fulfillmentReject",
        ),
    ),
    is_visible=may_see,
    permits=has_role_in_store,
    mutations={Action.COUNT: "stockCountLineSet"},
    shared_lock={Action.COUNT},
)


async def change_status(
    session: AsyncSession, row: StockCount, status: StockCountStatus
) -> StockCount:
    """Move a locked count and record the event."""
    MACHINE.move(row, status)
    await session.flush()
    record_change(session, row)
    return row


def record_change(session: AsyncSession, row: StockCount) -> None:
    """Record the status of the count on its store's stream."""
    body = {
        "count_id": row.id,
        "status": row.status,
        "round": row.count_round,
        "version": row.version,
    }
    stream, event_type = counts_stream(row.store_id), f"COUNT_{row.status}"
    record_event(session, stream, event_type, body, company_id=row.company_id)
