"""Jobs that advance deliveries and look after silent riders."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.sessions import Database
from jobs.retry_each import DueItems, process_in_transactions
from models.orders import OrderCancelReason
from services.checkout import cancellation
from services.delivery import delivery_timers, silent_riders

OVERDUE_DELIVERIES = DueItems("delivery.advance", delivery_timers.OVERDUE_DELIVERIES)
SILENT_RIDERS = DueItems("delivery.unassign_silent", silent_riders.DELIVERIES_OF_SILENT_RIDERS)
SILENT_CARRIERS = DueItems("delivery.check_silent", silent_riders.CARRIERS_TO_CHECK)
SILENT_SHIFTS = DueItems("rider.end_silent_shifts", silent_riders.SILENT_SHIFTS)


async def advance_deliveries(database: Database) -> int:
    """Do what is due for every delivery; returns how many were due.

    Each delivery has a transaction of its own, so that one failure does not stop the others.
    """
    return await process_in_transactions(database, OVERDUE_DELIVERIES, _advance)


async def _advance(session: AsyncSession, delivery_id: UUID) -> bool:
    order = await delivery_timers.order_without_rider(session, delivery_id)
    if order is not None:
        await cancellation.cancel_for_cause(session, order, OrderCancelReason.NO_RIDER_AVAILABLE)
        return True
    return await delivery_timers.advance_delivery(session, delivery_id)


async def unassign_silent_riders(database: Database) -> int:
    """Unassign deliveries not picked up by riders silent for three minutes; returns how many."""
    return await process_in_transactions(
        database, SILENT_RIDERS, silent_riders.unassign_silent_rider
    )


async def check_silent_carriers(database: Database) -> int:
    """Ask riders with bags who are silent, and open cases; returns how many changed."""
    return await process_in_transactions(database, SILENT_CARRIERS, silent_riders.check_carrier)


async def end_silent_shifts(database: Database) -> int:
    """End the shifts of riders without a delivery who are silent for long; returns how many."""
    return await process_in_transactions(database, SILENT_SHIFTS, silent_riders.end_silent_shift)
