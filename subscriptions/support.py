"""One ticket as its two sides watch it, and all open tickets as support does."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from models.support import Ticket, TicketStatus
from resolvers.context import Context, Info
from resolvers.rules import SUPPORT_ROLES
from services.core.problems import key_of, not_found
from services.events.event_log import support_stream, ticket_stream
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow, key_in

QUEUE_COUNT = 100
TicketId = Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")]


@dataclass(frozen=True, slots=True)
class TicketChanged(Message):
    """One message about a ticket."""

    ticket_id: UUID
    type: str | None = None
    at: datetime | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SupportQueueChanged(Message):
    """One message about the tickets of a support desk."""

    type: str | None = None
    at: datetime | None = None
    ticket_id: UUID | None = None
    tickets: Sequence[Ticket] | None = None


async def changed(
    info: Info, ticket_id: TicketId, after: After = None
) -> AsyncIterator[TicketChanged]:
    context, key = info.context, key_of(Ticket, ticket_id, "ticketId")
    del info  # it holds the whole execution

    async def admit() -> None:
        await _ticket(context, key)

    async with Flow(context, [ticket_stream(key)], after, admit) as flow:
        async for message in flow.messages(partial(_changed, key), "ticket"):
            yield message
            del message


async def _changed(ticket_id: UUID, step: Step) -> TicketChanged:
    hint = step.hint
    return TicketChanged(
        kind=step.kind,
        cursor=step.cursor,
        ticket_id=ticket_id,
        type=hint.type if hint else None,
        at=hint.at if hint else None,
        message_id=key_in(hint, "message_id") if hint else None,
    )


async def queue_changed(info: Info, after: After = None) -> AsyncIterator[SupportQueueChanged]:
    context = info.context
    del info  # it holds the whole execution
    companies = _companies(context)

    async def admit() -> None:
        """Its rule and the flow's look at the session say all: the topics come from the token."""

    streams = [support_stream(company_id) for company_id in companies]
    async with Flow(context, streams, after, admit) as flow:
        async for message in flow.messages(partial(_message, context, companies), "desk"):
            yield message
            del message


async def _ticket(context: Context, key: UUID) -> Ticket:
    """The ticket, for its customer and for support of its company; else NotFound."""
    actor = context.actor
    async with context.read() as session:
        found = await session.get(Ticket, key)
    if found is None or not (
        found.customer_id == actor.person_id or actor.acts_for(found.company_id, SUPPORT_ROLES)
    ):
        raise not_found(Ticket, "ticketId")
    return found


def _companies(context: Context) -> Sequence[UUID | None]:
    """The companies whose desk the actor sits at; None is the platform's, which has them all."""
    actor = context.actor
    if actor.platform:
        return [None]
    mine = {one.company_id for one in actor.grants if one.role in SUPPORT_ROLES}
    return sorted(company_id for company_id in mine if company_id)


async def _message(
    context: Context, companies: Sequence[UUID | None], step: Step
) -> SupportQueueChanged:
    if (hint := step.hint) is not None:
        ticket_id = key_in(hint, "ticket_id")
        return SupportQueueChanged(step.kind, step.cursor, hint.type, hint.at, ticket_id)
    query = (
        select(Ticket)
        .where(Ticket.status != TicketStatus.RESOLVED)
        .order_by(Ticket.id)
        .limit(QUEUE_COUNT)
    )
    if None not in companies:
        query = query.where(Ticket.company_id.in_(companies))
    async with context.read() as session:
        open_ones = (await session.scalars(query)).all()
    return SupportQueueChanged(step.kind, step.cursor, tickets=open_ones)
