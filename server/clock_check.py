"""Compares this machine's clock with the database's: tokens are dated by the former."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from database.scope import NOBODY
from database.sessions import Database
from services.core.clock import SELECT_CLOCK_TIMESTAMP

log = logging.getLogger("darkstore.clock")

CHECK_SECONDS = 600.0
MAX_OFFSET_SECONDS = 5.0


async def measure_offset(database: Database) -> float:
    """By how many seconds this machine's clock is ahead of the database's."""
    async with database.read(NOBODY) as session:
        asked_at = time.time()
        theirs = (await session.execute(SELECT_CLOCK_TIMESTAMP)).scalar_one()
        answered_at = time.time()
    return (asked_at + answered_at) / 2 - float(theirs.timestamp())


def warn_of_offset(seconds: float) -> None:
    """Log a warning if the clocks differ by more than a sound installation's do."""
    if abs(seconds) > MAX_OFFSET_SECONDS:
        direction = "ahead of" if seconds > 0 else "behind"
        log.warning(
            "this machine's clock is %.1f s %s the database's: synchronize it (NTP), since"
            " access tokens are refused from a minute on",
            abs(seconds),
            direction,
        )


@asynccontextmanager
async def checked_clock(database: Database) -> AsyncIterator[None]:
    """Check the clock at the begin of the block and every CHECK_SECONDS during it."""
    task = asyncio.get_running_loop().create_task(_check(database))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _check(database: Database) -> None:
    while True:
        # A database that does not answer is reported by others.
        with suppress(SQLAlchemyError, OSError, TimeoutError):
            warn_of_offset(await measure_offset(database))
        await asyncio.sleep(CHECK_SECONDS)
