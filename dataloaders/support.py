"""Batch reads of tickets, their messages and refunds."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.payments import Refund
from models.support import Ticket, TicketMessage

TICKET = prepared(select(Ticket).where(matches_keys(Ticket.id)))
TICKET_MESSAGE = prepared(select(TicketMessage).where(matches_keys(TicketMessage.id)))
MESSAGES_BY_TICKET = prepared(
    select(TicketMessage)
    .where(matches_keys(TicketMessage.ticket_id))
    .order_by(TicketMessage.ticket_id, TicketMessage.id)
)
REFUNDS_BY_ORDER = prepared(
    select(Refund)
    .where(matches_keys(Refund.order_id), Refund.ticket_id.is_not(None))
    .order_by(Refund.id)
)


async def ticket_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Ticket | None]:
    """Tickets by key; None for those outside the session's scope."""
    return await one_per_key(session, TICKET, ids)


async def message_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[TicketMessage | None]:
    """Messages by key; None for those outside the session's scope."""
    return await one_per_key(session, TICKET_MESSAGE, ids)


async def messages_by_ticket(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[TicketMessage]]:
    """The messages of each ticket, oldest first."""
    return await many_per_key(session, MESSAGES_BY_TICKET, ids, "ticket_id")


async def refunds_by_ticket(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[list[Refund]]:
    """The refunds granted in each ticket; a key is the pair of the order's and the ticket's id."""
    order_ids = {order_id for order_id, _ in keys}
    rows = await session.scalars(REFUNDS_BY_ORDER, {"keys": list(order_ids)})
    refunds: dict[UUID | None, list[Refund]] = defaultdict(list)
    for row in rows:
        refunds[row.ticket_id].append(row)
    return [refunds[ticket_id] for _, ticket_id in keys]
