"""Job that computes replenishment proposals, once a day per store."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import DueItems, process_due
from services.purchasing import replenishment

OUTDATED_STORES = DueItems("reorder.refresh", replenishment.DUE_STORES, max_items=20)


async def refresh_proposals(database: Database) -> int:
    """Recompute the proposals of every store that has none of today; returns how many stores."""

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:reorder.refresh")) as session:
            return await replenishment.refresh_due(session, store_id)

    return await process_due(database, OUTDATED_STORES, work)
