"""Questions to customers that nobody answered in time."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import substitute

log = logging.getLogger("darkstore.jobs")

SWEEP_SUBSTITUTES = 50


async def time_out(database: Database) -> int:
    """Decide every proposal whose minute is over by the wish on its line; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await substitute.overdue(session, SWEEP_SUBSTITUTES)
    done = 0
    for substitute_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:substitute.time_out")) as session:
                done += await substitute.time_out(session, substitute_id)
        except Exception:
            log.warning("substitute %s could not time out", substitute_id, exc_info=True)
    return done
