"""Batches that expired, and what of them and of recalled ones may be taken out of sale."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import recall

log = logging.getLogger("darkstore.jobs")


async def set_aside(database: Database) -> int:
    """Take out of sale what nobody was promised of expired and recalled batches; how many units.

    A store at a time: one that fails is tried again and holds no other up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await recall.stores_due(session)
    done = 0
    for store_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:batch.set_aside")) as session:
                done += await recall.set_aside(session, store_id)
        except Exception:
            log.warning("batches of store %s could not be set aside", store_id, exc_info=True)
    return done
