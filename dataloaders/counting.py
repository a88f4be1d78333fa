"""Batch reads of stock counts: their progress, and the entries of their lines."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import in_keys
from models.counting import StockCountEntry
from services.counting import count_queries
from services.counting.count_queries import CountProgress


async def progress_by_count(session: AsyncSession, ids: Sequence[UUID]) -> list[CountProgress]:
    """The progress of each count, and its variance once it is submitted."""
    return await count_queries.progress_of_counts(session, ids)


async def entries_by_line(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[StockCountEntry]]:
    """All entries of each line, the oldest first."""
    rows = await session.scalars(
        select(StockCountEntry)
        .where(in_keys(StockCountEntry.line_id, ids))
        .order_by(StockCountEntry.line_id, StockCountEntry.id)
    )
    by_line: dict[UUID, list[StockCountEntry]] = defaultdict(list)
    for row in rows:
        by_line[row.line_id].append(row)
    return [by_line[key] for key in ids]
