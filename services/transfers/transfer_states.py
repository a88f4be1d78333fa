"""State machine of a transfer: its transitions, who may make them, and the event of a change."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.transfers import StockTransfer, StockTransferAction, StockTransferStatus
from services.core.access import MANAGER_ROLES, STORE_ROLES, may_operate_store
from services.core.state_machine import StateMachine, Transition
from services.events.event_log import record_event, transfers_stream

Action, Status = StockTransferAction, StockTransferStatus
SOURCE, DESTINATION = "the source store", "the destination store"
CANCELABLE = {Status.REQUESTED, Status.APPROVED, Status.PICKING}
ARRIVED = {Status.RECEIVED, Status.PARTIALLY_RECEIVED}


def may_see(row: StockTransfer, actor: Actor) -> bool:
    """Whether the actor works in the source or the destination."""
    store_ids = (row.source_id, row.destination_id)
    return any(may_operate_store(actor, row.company_id, store_id) for store_id in store_ids)


def _permits(
    row: StockTransfer,
    actor: Actor,
    transition: Transition[StockTransferAction, StockTransferStatus],
) -> bool:
    store_ids = {row.source_id, row.destination_id}
    if transition.party == SOURCE:
        store_ids = {row.source_id}
    elif transition.party == DESTINATION:
        store_ids = {row.destination_id}
    roles = frozenset(transition.roles)
    return any(actor.has_store_role(row.company_id, store_id, roles) for store_id in store_ids)


MACHINE: StateMachine[StockTransfer, StockTransferAction, StockTransferStatus] = StateMachine(
    name="Transfer",
    model=StockTransfer,
    status=Status,
    noun="transfer",
    id_path="transferId",
    initial={Status.REQUESTED},
    transitions=(
        Transition(
            Action.APPROVE, {Status.REQUESTED}, {Status.APPROVED}, MANAGER_ROLES, party=SOURCE
        ),
        Transition(
            Action.REJECT, {Status.REQUESTED}, {Status.REJECTED}, MANAGER_ROLES, party=SOURCE
        ),
        Transition(
            Action.START_PICKING, {Status.APPROVED}, {Status.PICKING}, STORE_ROLES, party=SOURCE
        ),
        Transition(
            Action.SHIP,
            {Status.APPROVED, Status.PICKING},
            {Status.IN_TRANSIT},
            STORE_ROLES,
            party=SOURCE,
        ),
        Transition(Action.RECEIVE, {Status.IN_TRANSIT}, ARRIVED, STORE_ROLES, party=DESTINATION),
        Transition(Action.CANCEL, CANCELABLE, {Status.CANCELED}, MANAGER_ROLES),
    ),
    is_visible=may_see,
    permits=_permits,
)


async def change_status(
    session: AsyncSession, row: StockTransfer, status: StockTransferStatus
) -> StockTransfer:
    """Move a locked transfer and record the event for both stores."""
    MACHINE.move(row, status)
    await session.flush()
    record_change(session, row)
    return row


def record_change(session: AsyncSession, row: StockTransfer) -> None:
    """Record the status of the transfer on the streams of both stores."""
    body = {"transfer_id": row.id, "status": row.status, "version": row.version}
    event_type = f"TRANSFER_{row.status}"
    for store_id in sorted((row.source_id, row.destination_id)):
        stream = transfers_stream(store_id)
        record_event(session, stream, event_type, body, company_id=row.company_id)
