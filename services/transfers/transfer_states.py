"""One transfer: the table of its steps, who may take them, the way in, and what is told of it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor, Role
from models.transfers import Transfer, TransferAction, TransferStatus
from services.core.access import MANAGER_ROLES, STORE_ROLES, works_in
from services.core.problems import IllegalStep, Refused, VersionConflict, not_found
from services.events.event_log import happened, transfers_stream

SOURCE, DESTINATION = "source", "destination"
BOTH = frozenset({SOURCE, DESTINATION})
OPEN = frozenset({TransferStatus.REQUESTED, TransferStatus.APPROVED, TransferStatus.PICKING})


@dataclass(frozen=True, slots=True)
class Step:
    """From which states a step leads on, at which ends of the way, and for which roles."""

    states: frozenset[TransferStatus]
    ends: frozenset[str]
    roles: frozenset[Role]


# What is offered and refused is read off here: the source decides, picks and ships, the
# destination receives, and the managers of both call it off before it is on its way.
STEPS: dict[TransferAction, Step] = {
    TransferAction.APPROVE: Step(
        frozenset({TransferStatus.REQUESTED}), frozenset({SOURCE}), MANAGER_ROLES
    ),
    TransferAction.REJECT: Step(
        frozenset({TransferStatus.REQUESTED}), frozenset({SOURCE}), MANAGER_ROLES
    ),
    TransferAction.PICK: Step(
        frozenset({TransferStatus.APPROVED}), frozenset({SOURCE}), STORE_ROLES
    ),
    TransferAction.SHIP: Step(
        frozenset({TransferStatus.APPROVED, TransferStatus.PICKING}),
        frozenset({SOURCE}),
        STORE_ROLES,
    ),
    TransferAction.RECEIVE: Step(
        frozenset({TransferStatus.SHIPPED}), frozenset({DESTINATION}), STORE_ROLES
    ),
    TransferAction.CANCEL: Step(OPEN, BOTH, MANAGER_ROLES),
}


def available_actions(row: Transfer, actor: Actor) -> list[TransferAction]:
    """The steps that this person can take now."""
    return [
        action
        for action, step in STEPS.items()
        if row.status in step.states and _acts(row, actor, step)
    ]


def _acts(row: Transfer, actor: Actor, step: Step) -> bool:
    stores = {SOURCE: row.source_id, DESTINATION: row.destination_id}
    return any(actor.works_at(row.company_id, stores[end], step.roles) for end in step.ends)


def concerns(row: Transfer, actor: Actor) -> bool:
    """Whether this person works at either end of it."""
    ends = (row.source_id, row.destination_id)
    return any(works_in(actor, row.company_id, store_id) for store_id in ends)


async def lock(session: AsyncSession, transfer_id: UUID) -> Transfer:
    """The transfer, locked and as it is now; refused as not found."""
    locked = select(Transfer).where(Transfer.id == transfer_id).with_for_update()
    found = await session.scalar(locked.execution_options(populate_existing=True))
    if found is None:
        raise not_found(Transfer, "transferId")
    return found


async def enter(
    session: AsyncSession,
    actor: Actor,
    transfer_id: UUID,
    action: TransferAction,
    expected_version: int | None,
) -> Transfer:
    """The locked transfer, if the actor may take this step now.

    Refused: NotFound, IllegalStep (also for the slower of two people), VersionConflict.
    """
    row = await lock(session, transfer_id)
    if not concerns(row, actor):
        raise not_found(Transfer, "transferId")
    legal = available_actions(row, actor)
    if action not in legal:
        message = f"{action} is not for you to do while the transfer is {row.status}."
        path = ["input", "transferId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[*legal]))
    if expected_version not in (None, row.version):
        message = f"Somebody else was faster: the transfer is {row.status} now."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=row.version))
    return row


async def move(session: AsyncSession, row: Transfer, status: TransferStatus) -> Transfer:
    """Put a locked transfer into another state, and tell both stores."""
    row.status = status
    row.version += 1
    await session.flush()
    tell(session, row)
    return row


def tell(session: AsyncSession, row: Transfer) -> None:
    """Record where the transfer is, for the people at both ends."""
    body = {"transfer_id": row.id, "status": row.status, "version": row.version}
    for store_id in sorted((row.source_id, row.destination_id)):
        happened(
            session,
            transfers_stream(store_id),
            f"TRANSFER_{row.status}",
            body,
            company_id=row.company_id,
        )
