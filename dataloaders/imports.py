"""Batch reads of imports."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import matches_keys, one_per_key
from models.imports import StockImport

STOCK_IMPORT = prepared(select(StockImport).where(matches_keys(StockImport.id)))


async def import_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockImport | None]:
    """Imports by id; None for those outside the session's scope."""
    return await one_per_key(session, STOCK_IMPORT, ids)
