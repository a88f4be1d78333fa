"""What stores should order, worked out once a day for each."""

from uuid import UUID

from jobs.items import each
from models import PLATFORM
from models.database import Database, Origin
from services import reorder

SWEEP_STORES = 20


async def refresh(database: Database) -> int:
    """Work out the proposals of every store whose are of yesterday; answers how many stores."""
    async with database.read(PLATFORM) as session:
        waiting = await reorder.due(session, SWEEP_STORES)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:reorder.refresh")) as session:
            return await reorder.refresh_due(session, store_id)

    return await each(database, "reorder.refresh", waiting, work)
