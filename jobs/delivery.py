"""Jobs that advance deliveries, unassign silent riders and delete old tracks."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from services.delivery import deliveries, dispatch, tracks

SWEEP_DELIVERIES = 50


async def advance_dispatch(database: Database) -> int:
    """Offer every delivery that is due to the next rider; returns how many were due.

    Each delivery has a transaction of its own, so that one failure does not stop the others.
    """
    async with database.read(PLATFORM) as session:
        delivery_ids = await dispatch.overdue_deliveries(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:delivery.advance")) as session:
            return await dispatch.advance_dispatch(session, delivery_id)

    return await process_each(database, "delivery.advance", delivery_ids, work)


async def unassign_silent_riders(database: Database) -> int:
    """Unassign deliveries not picked up by riders silent for three minutes; returns how many."""
    async with database.read(PLATFORM) as session:
        delivery_ids = await deliveries.deliveries_of_silent_riders(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(
            PLATFORM, AuditContext("job:delivery.unassign_silent")
        ) as session:
            return await deliveries.unassign_silent_rider(session, delivery_id)

    return await process_each(database, "delivery.unassign_silent", delivery_ids, work)


async def delete_old_tracks(database: Database) -> int:
    """Delete the tracks of deliveries that ended a month ago; returns how many."""
    async with database.write(PLATFORM, AuditContext("job:track.forget")) as session:
        return await tracks.delete_old_tracks(session)
