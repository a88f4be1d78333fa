"""Timers of tickets: escalates unanswered ones and resolves abandoned ones."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.support import Ticket, TicketMessage, TicketPriority, TicketStatus
from services.core.clock import current_time
from services.orders.ticket_states import IS_UNRESOLVED, MACHINE, record_change

AUTO_RESOLVE_AFTER_SECONDS = 7 * 24 * 3600
HIGH_PRIORITY_AFTER_SECONDS = 600
URGENT_PRIORITY_AFTER_SECONDS = 1_800


_AGE = func.clock_timestamp() - Ticket.opened_at
_IS_HIGH = timedelta(seconds=HIGH_PRIORITY_AFTER_SECONDS) < _AGE
_IS_URGENT = timedelta(seconds=URGENT_PRIORITY_AFTER_SECONDS) < _AGE
_IS_UNANSWERED = (
    IS_UNRESOLVED,
    Ticket.first_responded_at.is_(None),
    (_IS_HIGH & (Ticket.priority == TicketPriority.NORMAL))
    | (_IS_URGENT & (Ticket.priority == TicketPriority.HIGH)),
)
UNANSWERED_TICKETS = select(Ticket.id).where(*_IS_UNANSWERED).order_by(Ticket.id)
"""Tickets whose priority is to be raised, the oldest first."""


async def escalate_unanswered(session: AsyncSession, ticket_ids: Sequence[UUID]) -> int:
    """Raise the priority of unanswered tickets: HIGH after 10 minutes, URGENT after 30.

    Returns how many of `ticket_ids` were raised; needs a session that sees all companies.
    """
    priority = case((_IS_URGENT, TicketPriority.URGENT.value), else_=TicketPriority.HIGH.value)
    query = select(Ticket, priority).where(Ticket.id.in_(ticket_ids), *_IS_UNANSWERED)
    result = await session.execute(query.order_by(Ticket.id).with_for_update(skip_locked=True))
    rows = result.all()
    for ticket, priority in rows:
        ticket.priority = TicketPriority(priority)
        ticket.version += 1
        await record_change(session, ticket, "TICKET_RAISED")
    return len(rows)


ABANDONED_TICKETS = (
    select(Ticket.id)
    .where(
        IS_UNRESOLVED,
        Ticket.status == TicketStatus.AWAITING_CUSTOMER,
        ~select(TicketMessage.id)
        .where(
            TicketMessage.ticket_id == Ticket.id,
            TicketMessage.sent_at
            > func.clock_timestamp() - timedelta(seconds=AUTO_RESOLVE_AFTER_SECONDS),
        )
        .exists(),
    )
    .order_by(Ticket.id)
)
"""Tickets that have waited for their customer's answer for a week, the oldest first."""


async def resolve_abandoned(session: AsyncSession, ticket_id: UUID) -> bool:
    """Resolve a ticket if its customer has not answered for a week; returns whether it was."""
    ticket = await MACHINE.lock(session, ticket_id)
    query = select(func.max(TicketMessage.sent_at)).where(TicketMessage.ticket_id == ticket.id)
    last_message_at = await session.scalar(query)
    deadline = await current_time(session, -AUTO_RESOLVE_AFTER_SECONDS)
    is_waiting = ticket.status is TicketStatus.AWAITING_CUSTOMER
    if not is_waiting or last_message_at is None or last_message_at > deadline:
        return False
    MACHINE.move(ticket, TicketStatus.RESOLVED)
    ticket.resolved_at = await current_time(session)
    ticket.resolution = ticket.resolution or "Closed after a week without an answer."
    await record_change(session, ticket, "TICKET_RESOLVED")
    return True
