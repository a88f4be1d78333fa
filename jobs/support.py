"""Jobs that escalate unanswered tickets and close silent ones."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from services.support import ticket_timers

SWEEP_TICKETS = 50


async def close_silent_tickets(database: Database) -> int:
    """Resolve tickets whose customers have been silent for a week; returns how many."""
    async with database.read(PLATFORM) as session:
        ticket_ids = await ticket_timers.list_abandoned(session, SWEEP_TICKETS)

    async def work(ticket_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:ticket.close_silent")) as session:
            return await ticket_timers.resolve_abandoned(session, ticket_id)

    return await process_each(database, "ticket.close_silent", ticket_ids, work)


async def escalate_unanswered_tickets(database: Database) -> int:
    """Raise the priority of tickets that no agent has answered; returns how many."""
    async with database.write(PLATFORM, AuditContext("job:ticket.raise_unanswered")) as session:
        return await ticket_timers.escalate_unanswered(session, SWEEP_TICKETS)
