"""The ways of rides that were kept long enough."""

from models import PLATFORM
from models.database import Database, Origin
from services import track as tracks


async def forget(database: Database) -> int:
    """Delete the tracks of rides that ended a month ago; answers how many."""
    async with database.write(PLATFORM, Origin("job:track.forget")) as session:
        return await tracks.forget(session)
