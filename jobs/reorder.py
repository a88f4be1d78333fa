"""What stores should order, worked out once a day for each."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import reorder

log = logging.getLogger("darkstore.jobs")

SWEEP_STORES = 20


async def refresh(database: Database) -> int:
    """Work out the proposals of every store whose are of yesterday; answers how many stores."""
    async with database.read(PLATFORM) as session:
        waiting = await reorder.due(session, SWEEP_STORES)
    done = 0
    for store_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:reorder.refresh")) as session:
                done += await reorder.refresh_due(session, store_id)
        except Exception:
            log.warning("store %s has no new proposals", store_id, exc_info=True)
    return done
