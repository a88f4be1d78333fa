"""Tickets that nobody comes back to."""

import logging

from models import PLATFORM
from models.database import Database, Origin
from services import ticket as tickets
from services import ticket_desk as desk

log = logging.getLogger("darkstore.jobs")

SWEEP_TICKETS = 50


async def close_silent(database: Database) -> int:
    """Resolve tickets whose customers have been silent for a week; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await desk.silent(session, SWEEP_TICKETS)
    done = 0
    for ticket_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:ticket.close_silent")) as session:
                done += await tickets.close_silent(session, ticket_id)
        except Exception:
            log.warning("ticket %s could not be closed", ticket_id, exc_info=True)
    return done
