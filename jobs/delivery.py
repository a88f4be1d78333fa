"""Offers that ran out, deliveries that search for a rider, and riders who are not heard of."""

from uuid import UUID

from jobs.items import each
from models import PLATFORM
from models.database import Database, Origin
from services import delivery as deliveries
from services import dispatch

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
