"""Questions to customers that nobody answered in time."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs.retry_each import each
from services.fulfillment import substitutions

SWEEP_SUBSTITUTES = 50


async def time_out(database: Database) -> int:
    """Decide every proposal whose minute is over by the wish on its line; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await substitutions.overdue(session, SWEEP_SUBSTITUTES)

    async def work(substitute_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:substitute.time_out")) as session:
            return await substitutions.time_out(session, substitute_id)

    return await each(database, "substitute.time_out", waiting, work)
