"""The days of the event log: there before they come, and gone when they are old."""

import logging

from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.core.clock import moment
from services.events import partitions

log = logging.getLogger("darkstore.jobs")

KEEPING = Origin("job:event_day.keep")
DAY_SECONDS = 24 * 3600


async def keep(database: Database, kept_days: int) -> int:
    """Make the days to come, and drop those that ended so long ago; answers how many of both.

    Days go in their order: one that somebody has still to read holds those after it, too.
    """
    async with database.write(PLATFORM, KEEPING) as session:
        done = await partitions.make(session)
        before = await moment(session, -kept_days * DAY_SECONDS)
        old = [one for one in await partitions.days(session) if one.until <= before]
    for day in old:
        async with database.write(PLATFORM, KEEPING) as session:
            if await partitions.needed(session, day):
                log.warning("events of %s are kept: they have not been read by all", day.day)
                return done
            await partitions.drop(session, day)
        done += 1
    async with database.write(PLATFORM, KEEPING) as session:
        return done + await partitions.forget_rest(session, before)
