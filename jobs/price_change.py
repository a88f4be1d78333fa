"""Planned prices whose hour has come, or is over."""

from models import PLATFORM
from models.database import Database, Origin
from services import price_change

AT_ONCE = 200
ROUNDS = 20


async def apply_due(database: Database) -> int:
    """Ask and take back the prices that are due, some hundreds in a transaction; how many."""
    async with database.read(PLATFORM) as reading:
        if not await reading.scalar(price_change.ANY_DUE):
            return 0
    done = 0
    for _ in range(ROUNDS):
        async with database.write(PLATFORM, Origin("job:price_change.apply_due")) as session:
            step = await price_change.apply_due(session, AT_ONCE)
        done += step
        if not step:
            break
    return done
