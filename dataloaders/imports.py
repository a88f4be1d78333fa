"""Batch reads of imports."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import asked, one_each
from models.imports import StockImport

STOCK_IMPORT = kept(select(StockImport).where(asked(StockImport.id)))


async def import_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockImport | None]:
    """Imports by key, as far as the scope may see them."""
    return await one_each(session, STOCK_IMPORT, ids)
