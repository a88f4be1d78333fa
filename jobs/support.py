"""Jobs that escalate unanswered tickets and close silent ones."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_batch, process_in_transactions
from services.support import ticket_timers

ABANDONED_TICKETS = DueItems("ticket.close_silent", ticket_timers.ABANDONED_TICKETS)
UNANSWERED_TICKETS = DueItems("ticket.raise_unanswered", ticket_timers.UNANSWERED_TICKETS)


async def close_silent_tickets(database: Database) -> int:
    """Resolve tickets whose customers have been silent for a week; returns how many."""
    return await process_in_transactions(
        database, ABANDONED_TICKETS, ticket_timers.resolve_abandoned
    )


async def escalate_unanswered_tickets(database: Database) -> int:
    """Raise the priority of tickets that no agent has answered; returns how many."""
    return await process_batch(database, UNANSWERED_TICKETS, ticket_timers.escalate_unanswered)
