"""Offers that ran out, deliveries that search for a rider, and riders who are not heard of."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import delivery as deliveries
from services import dispatch

log = logging.getLogger("darkstore.jobs")

SWEEP_DELIVERIES = 50


async def advance(database: Database) -> int:
    """Ask the next rider for every delivery that is due; answers how many were.

    Each in a transaction of its own: one that fails is tried again and holds nobody else up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await dispatch.overdue(session, SWEEP_DELIVERIES)
    done = 0
    for delivery_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:delivery.advance")) as session:
                done += await dispatch.advance(session, delivery_id)
        except Exception:
            log.warning("delivery %s could not be dispatched", delivery_id, exc_info=True)
    return done


async def unassign_silent(database: Database) -> int:
    """Take rides before pick-up from riders not seen for three minutes; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await deliveries.silent(session, SWEEP_DELIVERIES)
    done = 0
    for delivery_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:delivery.unassign_silent")) as session:
                done += await deliveries.unassign_silent(session, delivery_id)
        except Exception:
            log.warning("delivery %s could not be unassigned", delivery_id, exc_info=True)
    return done
