"""Files of stock, worked off a step at a time."""

import asyncio
import logging
import time
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.storage import FileMissing, Storage
from models.ids import encode
from models.imports import StockUpload
from services.core.problems import Refused
from services.imports import import_steps
from services.imports.stock_imports import KEPT_SECONDS

log = logging.getLogger("darkstore.jobs")

TOGETHER = 20
TURN_SECONDS = 5.0
STEP_SECONDS = 24.0
ORIGIN = Origin("job:stock_import.advance")


async def advance(database: Database, storage: Storage) -> int:
    """Work imports off, a step of each in turn, for some seconds; answers how many steps."""
    until = time.monotonic() + TURN_SECONDS
    done, waiting = 0, await _live(database)
    while waiting and time.monotonic() < until:
        left = []
        for import_id in waiting:
            if await one_step(database, storage, import_id):
                left.append(import_id)
            else:
                await _tidy(database, storage, import_id)
            done += 1
        waiting = left
    return done


async def one_step(database: Database, storage: Storage, import_id: UUID) -> bool:
    """The next step of one import; False when there is none left, or none to be taken now."""
    try:
        async with asyncio.timeout(STEP_SECONDS):
            piece = await _fetched(database, storage, import_id)
            async with database.write(PLATFORM, ORIGIN) as session:
                more = await import_steps.step(session, import_id, piece)
    except FileMissing:
        return await _failed(database, import_id, "The file is gone: send it again.")
    except Refused as refused:
        return await _failed(database, import_id, str(refused))
    except Exception:
        log.warning("import %s could not go on", import_id, exc_info=True)
        await _failed(database, import_id)
        return False
    return more


async def _tidy(database: Database, storage: Storage, import_id: UUID) -> None:
    """Let go of the file of an import that is over."""
    async with database.read(PLATFORM) as session:
        upload_id = await import_steps.ended(session, import_id)
    if upload_id is not None:
        await storage.forget(encode(StockUpload, upload_id))


async def forget_files(database: Database, storage: Storage) -> int:
    """Let go of files that nobody imported within a day, and of those that are imported."""
    async with database.write(PLATFORM, Origin("job:stock_import.forget_files")) as session:
        gone = await import_steps.forget_uploads(session, KEPT_SECONDS)
    return gone + await storage.forget_older(2 * KEPT_SECONDS)


async def _live(database: Database) -> list[UUID]:
    async with database.read(PLATFORM) as session:
        return await import_steps.live(session, TOGETHER)


async def _fetched(
    database: Database, storage: Storage, import_id: UUID
) -> import_steps.Piece | None:
    """The piece of the file that the next step needs, read outside of any transaction."""
    async with database.read(PLATFORM) as session:
        wanted = await import_steps.wanted(session, import_id)
    if wanted is None:
        return None
    name = encode(StockUpload, wanted.upload_id)
    data = await storage.read(name, wanted.place_bytes, wanted.most_bytes)
    return import_steps.Piece(wanted.place_bytes, data, len(data) < wanted.most_bytes)


async def _failed(database: Database, import_id: UUID, failure: str | None = None) -> bool:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await import_steps.failed(session, import_id, failure)
