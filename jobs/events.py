"""Job that creates the partitions of the event log ahead of time and drops old ones."""

import logging

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.core.clock import current_time
from services.events import partitions

log = logging.getLogger("darkstore.jobs")

ORIGIN = AuditContext("job:event_day.keep")
DAY_SECONDS = 24 * 3600


async def maintain_partitions(database: Database, retention_days: int) -> int:
    """Create partitions ahead and drop those past their retention; returns how many of both.

    Partitions are dropped in order: one that has not been read by all keeps those after it.
    """
    async with database.write(PLATFORM, ORIGIN) as session:
        count = await partitions.create_partitions(session)
        cutoff = await current_time(session, -retention_days * DAY_SECONDS)
        existing = await partitions.list_partitions(session)
    for partition in [one for one in existing if one.ends_at <= cutoff]:
        async with database.write(PLATFORM, ORIGIN) as session:
            if await partitions.is_needed(session, partition):
                log.warning("events of %s are kept: they have not been read by all", partition.day)
                return count
            await partitions.drop_partition(session, partition)
        count += 1
    async with database.write(PLATFORM, ORIGIN) as session:
        return count + await partitions.delete_unpartitioned(session, cutoff)
