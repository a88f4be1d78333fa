"""Reading transfers: one of them, and those of a store."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.stores import Store
from models.transfers import Transfer, TransferDirection, TransferStatus
from services.core.access import works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import not_found
from services.transfers.transfer_states import concerns


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a store's transfers: which way, in which state."""

    store_id: UUID
    first: int
    cursor: str | None = None
    direction: TransferDirection | None = None
    status: TransferStatus | None = None


async def visible(session: AsyncSession, *, actor: Actor, transfer_id: UUID) -> Transfer:
    """One transfer, for the people of both its stores; else NotFound."""
    row = await session.get(Transfer, transfer_id)
    if row is None or not concerns(row, actor):
        raise not_found(Transfer, "id")
    return row


async def of_store(session: AsyncSession, *, actor: Actor, asked: Asked) -> Page[Transfer]:
    """A page of the transfers to and from a store, newest first, for its staff.

    Refused: NotFound, InvalidInput.
    """
    bounded(asked.first)
    store = await session.get(Store, asked.store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    ends = {
        TransferDirection.OUTGOING: Transfer.source_id == store.id,
        TransferDirection.INCOMING: Transfer.destination_id == store.id,
    }
    rows = select(Transfer).where(ends[asked.direction] if asked.direction else or_(*ends.values()))
    if asked.status is not None:
        rows = rows.where(Transfer.status == asked.status)
    if (start := after(asked.cursor, UUID)) is not None:
        rows = rows.where(Transfer.id < start[0])
    rows = rows.order_by(Transfer.id.desc()).limit(asked.first + 1)
    return page((await session.scalars(rows)).all(), asked.first, lambda row: (str(row.id),))
