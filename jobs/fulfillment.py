"""Orders that no store answered, and those that a picker left lying."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import fulfillment as fulfillments
from services import stall

log = logging.getLogger("darkstore.jobs")

SWEEP_ORDERS = 50


async def time_out(database: Database) -> int:
    """Move on every order whose store's 45 seconds are over; answers how many.

    Each in a transaction of its own: one that fails is tried again and holds nobody else up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await fulfillments.overdue(session, SWEEP_ORDERS)
    done = 0
    for fulfillment_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:fulfillment.time_out")) as session:
                done += await fulfillments.time_out(session, fulfillment_id)
        except Exception:
            log.warning("fulfillment %s could not time out", fulfillment_id, exc_info=True)
    return done


async def tell_stalled(database: Database) -> int:
    """Tell of every task in hand that stands still for ten minutes; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await stall.stalled(session, SWEEP_ORDERS)
    done = 0
    for fulfillment_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:fulfillment.tell_stalled")) as session:
                done += await stall.tell(session, fulfillment_id)
        except Exception:
            log.warning("fulfillment %s could not be told of", fulfillment_id, exc_info=True)
    return done
