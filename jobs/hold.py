"""Holds that nobody will claim any more."""

from models import PLATFORM
from models.database import Database, Origin
from services import hold


async def sweep(database: Database) -> int:
    """Give back what is held for orders that never came or are over; answers how many orders."""
    async with database.write(PLATFORM, Origin("job:hold.sweep")) as session:
        return await hold.expire(session)
