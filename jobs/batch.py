"""Batches that expired, and what of them and of recalled ones may be taken out of sale."""

from uuid import UUID

from jobs.items import each
from models import PLATFORM
from models.database import Database, Origin
from services import recall


async def set_aside(database: Database) -> int:
    """Take out of sale what nobody was promised of expired and recalled batches; how many units.

    A store at a time: one that fails is tried again and holds no other up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await recall.stores_due(session)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:batch.set_aside")) as session:
            return await recall.set_aside(session, store_id)

    return await each(database, "batch.set_aside", waiting, work)
