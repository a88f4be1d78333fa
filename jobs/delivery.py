"""Jobs that advance deliveries, unassign silent riders and delete old tracks."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs.retry_each import each
from services.delivery import deliveries, dispatch, tracks

SWEEP_DELIVERIES = 50


async def advance(database: Database) -> int:
    """Ask the next rider for every delivery that is due; answers how many were.

    Each in a transaction of its own: one that fails is tried again and holds nobody else up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await dispatch.overdue(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:delivery.advance")) as session:
            return await dispatch.advance(session, delivery_id)

    return await each(database, "delivery.advance", waiting, work)


async def unassign_silent(database: Database) -> int:
    """Take rides before pick-up from riders not seen for three minutes; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await deliveries.silent(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:delivery.unassign_silent")) as session:
            return await deliveries.unassign_silent(session, delivery_id)

    return await each(database, "delivery.unassign_silent", waiting, work)


async def forget(database: Database) -> int:
    """Delete the tracks of rides that ended a month ago; answers how many."""
    async with database.write(PLATFORM, Origin("job:track.forget")) as session:
        return await tracks.forget(session)
