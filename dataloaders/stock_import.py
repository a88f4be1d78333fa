"""Batch reads of imports."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import StockImport


async def import_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockImport | None]:
    """Imports by key, as far as the scope may see them."""
    rows = await session.scalars(select(StockImport).where(among(StockImport.id, ids)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in ids]
