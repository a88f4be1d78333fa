"""Jobs that run stock imports step by step and delete their files."""

import asyncio
import logging
import time
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.storage import FileMissing, FileStorage
from models.ids import encode_id
from models.imports import StockUpload
from services.core.problems import DomainError
from services.imports import import_steps
from services.imports.stock_imports import UPLOAD_RETENTION_SECONDS

log = logging.getLogger("darkstore.jobs")

MAX_LIVE_IMPORTS = 20
RUN_SECONDS = 5.0
STEP_TIMEOUT_SECONDS = 24.0
ORIGIN = AuditContext("job:stock_import.advance")


async def advance_imports(database: Database, storage: FileStorage) -> int:
    """Run steps of all unfinished imports in turn for RUN_SECONDS; returns how many steps."""
    deadline = time.monotonic() + RUN_SECONDS
    step_count, import_ids = 0, await _unfinished_imports(database)
    while import_ids and time.monotonic() < deadline:
        unfinished = []
        for import_id in import_ids:
            if await advance_import(database, storage, import_id):
                unfinished.append(import_id)
            else:
                await _delete_file(database, storage, import_id)
            step_count += 1
        import_ids = unfinished
    return step_count


async def advance_import(database: Database, storage: FileStorage, import_id: UUID) -> bool:
    """Run the next step of an import; False when it is finished or can't continue now."""
    try:
        async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
            chunk = await _read_chunk(database, storage, import_id)
            async with database.write(PLATFORM, ORIGIN) as session:
                has_more = await import_steps.run_step(session, import_id, chunk)
    except FileMissing:
        return await _record_failure(database, import_id, "The file is gone: send it again.")
    except DomainError as error:
        return await _record_failure(database, import_id, str(error))
    except Exception:
        log.warning("import %s could not continue", import_id, exc_info=True)
        await _record_failure(database, import_id)
        return False
    return has_more


async def _delete_file(database: Database, storage: FileStorage, import_id: UUID) -> None:
    """Delete the file of a finished import."""
    async with database.read(PLATFORM) as session:
        upload_id = await import_steps.upload_to_delete(session, import_id)
    if upload_id is not None:
        await storage.delete(encode_id(StockUpload, upload_id))


async def delete_old_files(database: Database, storage: FileStorage) -> int:
    """Delete files that were not imported within a day, and those of finished imports."""
    async with database.write(PLATFORM, AuditContext("job:stock_import.forget_files")) as session:
        upload_count = await import_steps.delete_stale_uploads(session, UPLOAD_RETENTION_SECONDS)
    return upload_count + await storage.delete_older(2 * UPLOAD_RETENTION_SECONDS)


async def _unfinished_imports(database: Database) -> list[UUID]:
    async with database.read(PLATFORM) as session:
        return await import_steps.list_unfinished(session, MAX_LIVE_IMPORTS)


async def _read_chunk(
    database: Database, storage: FileStorage, import_id: UUID
) -> import_steps.FileChunk | None:
    """Read the part of the file that the next step needs, outside of any transaction."""
    async with database.read(PLATFORM) as session:
        chunk = await import_steps.next_chunk(session, import_id)
    if chunk is None:
        return None
    name = encode_id(StockUpload, chunk.upload_id)
    data = await storage.read(name, chunk.offset_bytes, chunk.max_bytes)
    return import_steps.FileChunk(chunk.offset_bytes, data, len(data) < chunk.max_bytes)


async def _record_failure(database: Database, import_id: UUID, failure: str | None = None) -> bool:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await import_steps.record_failure(session, import_id, failure)
