"""Jobs that advance deliveries, look after silent riders and delete old tracks."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from models.orders import CancelReason
from services.checkout import cancellation
from services.delivery import delivery_timers, silent_riders
from services.delivery.positions import tracks

SWEEP_DELIVERIES = 50


async def advance_deliveries(database: Database) -> int:
    """Do what is due for every delivery; returns how many were due.

    Each delivery has a transaction of its own, so that one failure does not stop the others.
    """
    async with database.read(PLATFORM) as session:
        delivery_ids = await delivery_timers.overdue_deliveries(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:delivery.advance")) as session:
            order = await delivery_timers.order_without_rider(session, delivery_id)
            if order is not None:
                await cancellation.cancel_for_cause(session, order, CancelReason.NO_RIDER)
                return True
            return await delivery_timers.advance_delivery(session, delivery_id)

    return await process_each(database, "delivery.advance", delivery_ids, work)


async def unassign_silent_riders(database: Database) -> int:
    """Unassign deliveries not picked up by riders silent for three minutes; returns how many."""
    async with database.read(PLATFORM) as session:
        delivery_ids = await silent_riders.deliveries_of_silent_riders(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(
            PLATFORM, AuditContext("job:delivery.unassign_silent")
        ) as session:
            return await silent_riders.unassign_silent_rider(session, delivery_id)

    return await process_each(database, "delivery.unassign_silent", delivery_ids, work)


async def check_silent_carriers(database: Database) -> int:
    """Ask riders with bags who are silent, and open cases; returns how many changed."""
    async with database.read(PLATFORM) as session:
        delivery_ids = await silent_riders.carriers_to_check(session, SWEEP_DELIVERIES)

    async def work(delivery_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:delivery.check_silent")) as session:
            return await silent_riders.check_carrier(session, delivery_id)

    return await process_each(database, "delivery.check_silent", delivery_ids, work)


async def delete_old_tracks(database: Database) -> int:
    """Delete the tracks of deliveries that ended a month ago; returns how many."""
    async with database.write(PLATFORM, AuditContext("job:track.forget")) as session:
        return await tracks.delete_old_tracks(session)
