"""Job that computes replenishment proposals, once a day per store."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from services.purchasing import replenishment

SWEEP_STORES = 20


async def refresh_proposals(database: Database) -> int:
    """Recompute the proposals of every store that has none of today; returns how many stores."""
    async with database.read(PLATFORM) as session:
        store_ids = await replenishment.due_stores(session, SWEEP_STORES)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:reorder.refresh")) as session:
            return await replenishment.refresh_due(session, store_id)

    return await process_each(database, "reorder.refresh", store_ids, work)
