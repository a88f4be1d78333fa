"""What is low, gone, about to expire or sells badly; and alerts that were put off."""

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.alerts import AlertKind
from services.alerts import detection

SHELVES = (AlertKind.OUT_OF_STOCK, AlertKind.LOW)
DATES = (AlertKind.EXPIRING,)
SALES = (AlertKind.NEGATIVE_TREND,)


async def watch_shelves(database: Database) -> int:
    """Raise and resolve what the shelves say and open what was put off; answers how many."""
    async with database.write(PLATFORM, Origin("job:alert.wake")) as session:
        done = await detection.wake(session)
    return done + await _watch(database, SHELVES)


async def watch_dates(database: Database) -> int:
    """Raise and resolve what expires within three days; answers how many."""
    return await _watch(database, DATES)


async def watch_sales(database: Database) -> int:
    """Raise and resolve what the sales of four weeks say; answers how many."""
    return await _watch(database, SALES)


async def _watch(database: Database, kinds: tuple[AlertKind, ...]) -> int:
    done = 0
    for kind in kinds:
        async with database.write(PLATFORM, Origin("job:alert.watch")) as session:
            done += await detection.watch(session, kind)
    return done
