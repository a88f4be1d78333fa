"""Orders that no store answered, and those that a picker left lying."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs.retry_each import each
from services.fulfillment import rerouting, stalled_tasks

SWEEP_ORDERS = 50


async def time_out(database: Database) -> int:
    """Move on every order whose store's 45 seconds are over; answers how many.

    Each in a transaction of its own: one that fails is tried again and holds nobody else up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await rerouting.overdue(session, SWEEP_ORDERS)

    async def work(fulfillment_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:fulfillment.time_out")) as session:
            return await rerouting.time_out(session, fulfillment_id)

    return await each(database, "fulfillment.time_out", waiting, work)


async def tell_stalled(database: Database) -> int:
    """Tell of every task in hand that stands still for ten minutes; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await stalled_tasks.stalled(session, SWEEP_ORDERS)

    async def work(fulfillment_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:fulfillment.tell_stalled")) as session:
            return await stalled_tasks.tell(session, fulfillment_id)

    return await each(database, "fulfillment.tell_stalled", waiting, work)
