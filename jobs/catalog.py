"""Planned prices whose hour has come, or is over."""

from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.catalog import scheduled_prices

AT_ONCE = 200
ROUNDS = 20


async def apply_due(database: Database) -> int:
    """Ask and take back the prices that are due, some hundreds in a transaction; how many."""
    async with database.read(PLATFORM) as reading:
        if not await reading.scalar(scheduled_prices.ANY_DUE):
            return 0
    done = 0
    for _ in range(ROUNDS):
        async with database.write(PLATFORM, Origin("job:price_change.apply_due")) as session:
            step = await scheduled_prices.apply_due(session, AT_ONCE)
        done += step
        if not step:
            break
    return done
