"""The stream of one ticket and that of a support queue."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from models.companies import Company
from models.support import Ticket, TicketStatus
from resolvers.context import Context, Info
from services.core.problems import not_found, parse_id
from services.events.event_log import support_stream, ticket_stream
from services.orders.ticket_states import READER_ROLES, may_see
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription, id_in_body

MAX_SNAPSHOT_TICKETS = 100
TicketId = Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")]


@dataclass(frozen=True, slots=True)
class TicketChanged(StreamMessage):
    """A message about a ticket."""

    ticket_id: UUID
    type: str | None = None
    at: datetime | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SupportQueueChanged(StreamMessage):
    """A message about the tickets of a support queue."""

    type: str | None = None
    at: datetime | None = None
    ticket_id: UUID | None = None
    tickets: Sequence[Ticket] | None = None


async def watch_ticket(
    info: Info, ticket_id: TicketId, after: After = None
) -> AsyncIterator[TicketChanged]:
    """Yield the ticket, then each message and change of it."""
    context, key = info.context, parse_id(Ticket, ticket_id, "ticketId")
    del info  # keeps the whole execution alive

    async def check_access() -> None:
        await _ticket(context, key)

    async with StreamSubscription(
        context, [ticket_stream(key)], after, check_access
    ) as subscription:
        async for message in subscription.messages(partial(_ticket_message, key), "ticket"):
            yield message
            del message


async def _ticket_message(ticket_id: UUID, item: StreamItem) -> TicketChanged:
    notice = item.notice
    return TicketChanged(
        kind=item.kind,
        cursor=item.cursor,
        ticket_id=ticket_id,
        type=notice.type if notice else None,
        at=notice.at if notice else None,
        message_id=id_in_body(notice, "message_id") if notice else None,
    )


async def watch_support_queue(
    info: Info, after: After = None
) -> AsyncIterator[SupportQueueChanged]:
    """Yield the open tickets of the actor's support queue, then each change of them."""
    context = info.context
    del info  # keeps the whole execution alive
    companies = _companies(context)

    async def check_access() -> None:
        if _companies(context) != companies:
            raise not_found(Company, "companyId")

    streams = [support_stream(company_id) for company_id in companies]
    async with StreamSubscription(context, streams, after, check_access) as subscription:
        async for message in subscription.messages(
            partial(_queue_message, context, companies), "support-queue"
        ):
            yield message
            del message


async def _ticket(context: Context, key: UUID) -> Ticket:
    """Return the ticket for its customer, its company's support and apps; else NotFound."""
    async with context.read() as session:
        ticket = await session.get(Ticket, key)
    if ticket is None or not may_see(ticket, context.actor):
        raise not_found(Ticket, "ticketId")
    return ticket


def _companies(context: Context) -> Sequence[UUID | None]:
    """Return the companies whose support queue the actor sees; [None] means all companies."""
    actor = context.actor
    if actor.is_platform_staff:
        return [None]
    company_ids = {grant.company_id for grant in actor.grants if grant.role in READER_ROLES}
    return sorted(company_id for company_id in company_ids if company_id)


async def _queue_message(
    context: Context, companies: Sequence[UUID | None], item: StreamItem
) -> SupportQueueChanged:
    if (notice := item.notice) is not None:
        ticket_id = id_in_body(notice, "ticket_id")
        return SupportQueueChanged(item.kind, item.cursor, notice.type, notice.at, ticket_id)
    query = (
        select(Ticket)
        .where(Ticket.status != TicketStatus.RESOLVED)
        .where(Ticket.customer_id != context.actor.person_id)
        .order_by(Ticket.id)
        .limit(MAX_SNAPSHOT_TICKETS)
    )
    if None not in companies:
        query = query.where(Ticket.company_id.in_(companies))
    async with context.read() as session:
        tickets = (await session.scalars(query)).all()
    return SupportQueueChanged(item.kind, item.cursor, tickets=tickets)
