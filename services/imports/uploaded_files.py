"""Uploaded files of imports: which of them nobody needs any more."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.imports import StockImport, StockImportFile
from services.core.clock import current_time
from services.imports.stock_imports import FINAL_STATUSES


async def upload_to_delete(session: AsyncSession, import_id: UUID) -> UUID | None:
    """The uploaded file of a finished import, to be deleted; None while the import goes on."""
    row = await session.get(StockImport, import_id)
    return row.upload_id if row is not None and row.status in FINAL_STATUSES else None


async def delete_stale_uploads(session: AsyncSession, seconds: float) -> int:
    """Delete uploads older than `seconds` that no active import needs; returns how many."""
    before = await current_time(session, -seconds)
    in_use = select(StockImport.upload_id).where(StockImport.status.not_in(FINAL_STATUSES))
    unused = StockImportFile.id.not_in(in_use)
    deleted = await session.execute(
        delete(StockImportFile).where(StockImportFile.created_at < before, unused)
    )
    return int(getattr(deleted, "rowcount", 0))
