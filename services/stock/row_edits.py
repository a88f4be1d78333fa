"""Counter rows that are set by hand, by a count or by a file: made where missing, and moved."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import Stock, StockBatch
from services.stock import batches
from services.stock.stock_rows import Cause, move

EMPTY = {"on_hand": 0, "held": 0, "damaged": 0, "incoming": 0, "version": 1}


async def make_rows(
    session: AsyncSession, company_id: UUID, store_id: UUID, product_ids: Iterable[UUID]
) -> None:
    """Make the counter rows that are missing, without locking those that are there."""
    place = {"store_id": store_id, "company_id": company_id}
    rows = [{**place, **EMPTY, "product_id": key} for key in sorted(product_ids)]
    if rows:
        await session.execute(insert(Stock).on_conflict_do_nothing(), rows)


def shift(
    session: AsyncSession,
    row: Stock,
    found: Sequence[StockBatch],
    delta: int,
    cause: Cause,
) -> None:
    """Change a locked row's on_hand: units that came are of no batch, lost ones of the first."""
    if delta < 0:
        batches.leave(session, row, found, -delta, cause)
    else:
        move(session, row, cause, delta)
