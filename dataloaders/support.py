"""Batch reads of tickets: what was said, and what was given back."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import asked, many_each, one_each
from models.payments import Refund
from models.support import Ticket, TicketMessage

TICKET = kept(select(Ticket).where(asked(Ticket.id)))
TICKET_MESSAGE = kept(select(TicketMessage).where(asked(TicketMessage.id)))
SAID = kept(
    select(TicketMessage)
    .where(asked(TicketMessage.ticket_id))
    .order_by(TicketMessage.ticket_id, TicketMessage.id)
)
GIVEN_BACK = kept(
    select(Refund).where(asked(Refund.order_id), Refund.ticket_id.is_not(None)).order_by(Refund.id)
)


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
    return await many_each(session, SAID, ids, "ticket_id")


async def refunds_by_ticket(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[list[Refund]]:
    """The money given back by each ticket; a key is the ticket's order and the ticket."""
    orders = {order_id for order_id, _ in keys}
    rows = await session.scalars(GIVEN_BACK, {"keys": list(orders)})
    back: dict[UUID | None, list[Refund]] = defaultdict(list)
    for row in rows:
        back[row.ticket_id].append(row)
    return [back[ticket_id] for _, ticket_id in keys]
