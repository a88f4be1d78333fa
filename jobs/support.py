"""Tickets that wait too long, and those that nobody comes back to."""

import logging

from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.support import ticket_timers

log = logging.getLogger("darkstore.jobs")

SWEEP_TICKETS = 50


async def close_silent(database: Database) -> int:
    """Resolve tickets whose customers have been silent for a week; answers how many."""
    async with database.read(PLATFORM) as session:
        waiting = await ticket_timers.silent(session, SWEEP_TICKETS)
    done = 0
    for ticket_id in waiting:
        try:
            async with database.write(PLATFORM, Origin("job:ticket.close_silent")) as session:
                done += await ticket_timers.close_silent(session, ticket_id)
        except Exception:
            log.warning("ticket %s could not be closed", ticket_id, exc_info=True)
    return done


async def raise_unanswered(database: Database) -> int:
    """Raise the priority of tickets that no agent has answered; answers how many."""
    async with database.write(PLATFORM, Origin("job:ticket.raise_unanswered")) as session:
        return await ticket_timers.raise_unanswered(session, SWEEP_TICKETS)
