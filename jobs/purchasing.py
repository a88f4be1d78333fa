"""What stores should order, worked out once a day for each."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs.retry_each import each
from services.purchasing import replenishment

SWEEP_STORES = 20


async def refresh(database: Database) -> int:
    """Work out the proposals of every store whose are of yesterday; answers how many stores."""
    async with database.read(PLATFORM) as session:
        waiting = await replenishment.due(session, SWEEP_STORES)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:reorder.refresh")) as session:
            return await replenishment.refresh_due(session, store_id)

    return await each(database, "reorder.refresh", waiting, work)
