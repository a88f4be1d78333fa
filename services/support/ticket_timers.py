"""The timers of tickets: what waits too long is raised, what nobody comes back to is closed."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.support import Ticket, TicketMessage, TicketPriority, TicketStatus
from services.core.clock import moment
from services.support.ticket_states import NOT_RESOLVED, changed, lock, tell

SILENCE_SECONDS = 7 * 24 * 3600
HIGH_AFTER_SECONDS = 600
URGENT_AFTER_SECONDS = 1_800


async def raise_unanswered(session: AsyncSession, limit: int) -> int:
    """Raise tickets that no agent has answered: HIGH after 10 minutes, URGENT after 30.

    Answers how many were raised; needs a session that may see all companies.
    """
    age = func.clock_timestamp() - Ticket.opened_at
    high, urgent = TicketPriority.HIGH, TicketPriority.URGENT
    old = age > timedelta(seconds=HIGH_AFTER_SECONDS)
    very_old = age > timedelta(seconds=URGENT_AFTER_SECONDS)
    due = (old & (Ticket.priority == TicketPriority.NORMAL)) | (
        very_old & (Ticket.priority == high)
    )
    waiting = select(Ticket, case((very_old, urgent.value), else_=high.value)).where(
        NOT_RESOLVED, Ticket.first_answered_at.is_(None), due
    )
    rows = await session.execute(
        waiting.order_by(Ticket.id).limit(limit).with_for_update(skip_locked=True)
    )
    found = rows.all()
    for ticket, priority in found:
        ticket.priority = TicketPriority(priority)
        await changed(session, ticket)
        tell(session, ticket, "TICKET_RAISED")
    return len(found)


async def silent(session: AsyncSession, limit: int) -> list[UUID]:
    """Tickets whose customer has owed an answer for a week, the oldest first."""
    old = await moment(session, -SILENCE_SECONDS)
    recent = select(TicketMessage.id).where(
        TicketMessage.ticket_id == Ticket.id, TicketMessage.at > old
    )
    rows = select(Ticket.id).where(
        NOT_RESOLVED,
        Ticket.status == TicketStatus.WAITING,
        ~recent.exists(),
    )
    return list(await session.scalars(rows.order_by(Ticket.id).limit(limit)))


async def close_silent(session: AsyncSession, ticket_id: UUID) -> bool:
    """Resolve a ticket whose customer has not answered for a week; False when that isn't so."""
    ticket = await lock(session, ticket_id)
    newest = select(func.max(TicketMessage.at)).where(TicketMessage.ticket_id == ticket.id)
    said = await session.scalar(newest)
    old = await moment(session, -SILENCE_SECONDS)
    if ticket.status is not TicketStatus.WAITING or said is None or said > old:
        return False
    ticket.status, ticket.resolved_at = TicketStatus.RESOLVED, await moment(session)
    ticket.resolution = ticket.resolution or "Closed after a week without an answer."
    await changed(session, ticket)
    tell(session, ticket, "TICKET_RESOLVED")
    return True
