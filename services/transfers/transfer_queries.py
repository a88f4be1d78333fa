"""Reads of transfers: one of them, and those of a store."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.transfers import StockTransfer, StockTransferDirection, StockTransferStatus
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.stock.stock_queries import visible_store
from services.transfers.transfer_states import may_see


@dataclass(frozen=True, slots=True)
class TransferPageRequest:
    """A page of a store's transfers, with optional filters by direction and status."""

    store_id: UUID
    first: int
    cursor: str | None = None
    direction: StockTransferDirection | None = None
    status: StockTransferStatus | None = None


async def visible_transfer(
    session: AsyncSession, *, actor: Actor, transfer_id: UUID
) -> StockTransfer:
    """One transfer, if the actor works in one of its stores; else NotFound."""
    row = await session.get(StockTransfer, transfer_id)
    if row is None or not may_see(row, actor):
        raise not_found(StockTransfer, "id")
    return row


async def list_of_store(
    session: AsyncSession, *, actor: Actor, request: TransferPageRequest
) -> Page[StockTransfer]:
    """A page of the transfers to and from a store, newest first, for its staff.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(request.first)
    await visible_store(session, actor, request.store_id)
    is_end = {
        StockTransferDirection.OUTGOING: StockTransfer.source_id == request.store_id,
        StockTransferDirection.INCOMING: StockTransfer.destination_id == request.store_id,
    }
    of_store = is_end[request.direction] if request.direction else or_(*is_end.values())
    statement = select(StockTransfer).where(of_store)
    if request.status is not None:
        statement = statement.where(StockTransfer.status == request.status)
    if (start := decode_cursor(request.cursor, StockTransfer.id)) is not None:
        statement = statement.where(StockTransfer.id < start[0])
    statement = statement.order_by(StockTransfer.id.desc()).limit(request.first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, request.first, request.cursor, lambda row: (str(row.id),))
