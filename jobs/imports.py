"""Jobs that run stock imports step by step and delete their files."""

import time
from collections.abc import Sequence
from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.storage import FileMissing, FileStorage
from jobs.retry_each import DueItems, process_each, select_due
from models.ids import encode_id
from models.imports import StockImportFile
from services.core.problems import DomainError
from services.core.transient_errors import is_transient
from services.imports import import_steps, uploaded_files
from services.imports.stock_imports import UPLOAD_RETENTION_SECONDS

UNFINISHED_IMPORTS = DueItems("stock_import.advance", import_steps.UNFINISHED_IMPORTS, max_items=20)
RUN_SECONDS = 5.0
STEP_TIMEOUT_SECONDS = 24.0
ORIGIN = AuditContext("job:stock_import.advance")


async def advance_imports(database: Database, storage: FileStorage) -> int:
    """Run steps of all unfinished imports in turn for RUN_SECONDS; returns how many steps."""
    deadline = time.monotonic() + RUN_SECONDS
    step_count, import_ids = 0, await select_due(database, UNFINISHED_IMPORTS)
    while import_ids and time.monotonic() < deadline:
        count, import_ids = await _advance_each(database, storage, import_ids)
        step_count += count
    return step_count


async def _advance_each(
    database: Database, storage: FileStorage, import_ids: Sequence[UUID]
) -> tuple[int, list[UUID]]:
    """Run a step of each import; returns how many steps, and the imports that have more."""
    unfinished = []

    async def advance(import_id: UUID) -> int:
        if await advance_import(database, storage, import_id):
            unfinished.append(import_id)
        else:
            await _delete_file(database, storage, import_id)
        return 1

    count = await process_each(
        database,
        UNFINISHED_IMPORTS.job,
        import_ids,
        advance,
        item_timeout_seconds=STEP_TIMEOUT_SECONDS,
    )
    return count, unfinished


async def advance_import(database: Database, storage: FileStorage, import_id: UUID) -> bool:
    """Run the next step of an import; False when it is finished.

    An unexpected error is raised; after some of them in a row the import has failed. A transient
    one is not counted.
    """
    try:
        chunk = await _read_chunk(database, storage, import_id)
        async with database.write(PLATFORM, ORIGIN) as session:
            return await import_steps.run_step(session, import_id, chunk)
    except FileMissing:
        return await _record_failure(database, import_id, "The file is gone: send it again.")
    except DomainError as error:
        return await _record_failure(database, import_id, str(error))
    except Exception as error:
        if not is_transient(error):
            await _record_failure(database, import_id)
        raise


async def _delete_file(database: Database, storage: FileStorage, import_id: UUID) -> None:
    """Delete the file of a finished import."""
    async with database.read(PLATFORM) as session:
        upload_id = await uploaded_files.upload_to_delete(session, import_id)
    if upload_id is not None:
        await storage.delete(encode_id(StockImportFile, upload_id))


async def delete_old_files(database: Database, storage: FileStorage) -> int:
    """Delete files that were not imported within a day, and those of finished imports."""
    async with database.write(PLATFORM, AuditContext("job:stock_import.forget_files")) as session:
        upload_count = await uploaded_files.delete_stale_uploads(session, UPLOAD_RETENTION_SECONDS)
    return upload_count + await storage.delete_older(2 * UPLOAD_RETENTION_SECONDS)


async def _read_chunk(
    database: Database, storage: FileStorage, import_id: UUID
) -> import_steps.FileChunk | None:
    """Read the part of the file that the next step needs, outside of any transaction."""
    async with database.read(PLATFORM) as session:
        chunk = await import_steps.next_chunk(session, import_id)
    if chunk is None:
        return None
    name = encode_id(StockImportFile, chunk.upload_id)
    data = await storage.read(name, chunk.offset_bytes, chunk.max_bytes)
    return import_steps.FileChunk(chunk.offset_bytes, data, len(data) < chunk.max_bytes)


async def _record_failure(database: Database, import_id: UUID, failure: str | None = None) -> bool:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await import_steps.record_failure(session, import_id, failure)
