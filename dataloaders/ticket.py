"""Batch reads of tickets: what was said, and what was given back."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among, asked, one_each
from models import Refund, Ticket, TicketMessage
from models.light import kept

TICKET = kept(select(Ticket).where(asked(Ticket.id)))
TICKET_MESSAGE = kept(select(TicketMessage).where(asked(TicketMessage.id)))


async def ticket_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Ticket | None]:
    """Tickets by key, as far as the scope may see them."""
    return await one_each(session, TICKET, ids)


async def message_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[TicketMessage | None]:
    """Messages by key, as far as the scope may see them."""
    return await one_each(session, TICKET_MESSAGE, ids)


async def messages_by_ticket(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[TicketMessage]]:
    """All that was said in each ticket, the first thing first."""
    rows = await session.scalars(
        select(TicketMessage)
        .where(among(TicketMessage.ticket_id, ids))
        .order_by(TicketMessage.ticket_id, TicketMessage.id)
    )
    said: dict[UUID, list[TicketMessage]] = defaultdict(list)
    for row in rows:
        said[row.ticket_id].append(row)
    return [said[key] for key in ids]


async def refunds_by_ticket(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[list[Refund]]:
    """The money given back by each ticket; a key is the ticket's order and the ticket."""
    orders = {order_id for order_id, _ in keys}
    rows = await session.scalars(
        select(Refund)
        .where(among(Refund.order_id, orders), Refund.ticket_id.is_not(None))
        .order_by(Refund.id)
    )
    back: dict[UUID | None, list[Refund]] = defaultdict(list)
    for row in rows:
        back[row.ticket_id].append(row)
    return [back[ticket_id] for _, ticket_id in keys]
