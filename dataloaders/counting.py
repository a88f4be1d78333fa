"""Batch reads of cycle counts: what each has and found, and who counted a line."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models.counting import StockCountEntry
from services.counting import count_queries
from services.counting.count_queries import Tally


async def tally_by_count(session: AsyncSession, ids: Sequence[UUID]) -> list[Tally]:
    """How far each count is, and what it found once it is submitted."""
    return await count_queries.tallies(session, ids)


async def entries_by_line(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[StockCountEntry]]:
    """Everything that was counted of each line, the first word first."""
    rows = await session.scalars(
        select(StockCountEntry)
        .where(among(StockCountEntry.line_id, ids))
        .order_by(StockCountEntry.line_id, StockCountEntry.id)
    )
    said: dict[UUID, list[StockCountEntry]] = defaultdict(list)
    for row in rows:
        said[row.line_id].append(row)
    return [said[key] for key in ids]
