"""Tickets: read by their customer and by support, written by both."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.accounts import Person
from models.companies import Company
from models.orders import Order
from models.support import Ticket, TicketAction, TicketStatus
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.support.inputs import (
    TicketAssignInput,
    TicketOpenInput,
    TicketReplyInput,
    TicketResolveInput,
)
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.support import ticket_queries, ticket_states, tickets

TicketId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
OrderId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only tickets of this order.")
]
Status = Annotated[
    TicketStatus | None,
    strawberry.argument(description="Only these; all that are unresolved when left out."),
]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only this company's; all that you serve when left out."),
]
Mine = Annotated[bool, strawberry.argument(description="Only those assigned to you.")]


@dataclass
class TicketOutcome:
    """What the ticket's writes answer: the row as it is now, or every reason against it."""

    ticket: Ticket | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: TicketId) -> Ticket:
    key = key_of(Ticket, id, "id")
    async with info.context.read() as session:
        return await ticket_queries.visible(session, actor=info.context.actor, ticket_id=key)


async def own(
    info: Info, first: First, after: After = None, order_id: OrderId = None
) -> Page[Ticket]:
    order = key_if_given(Order, order_id, "orderId")
    actor = info.context.actor
    async with info.context.read() as session:
        return await ticket_queries.of_customer(
            session, actor=actor, first=first, cursor=after, order_id=order
        )


async def queue(
    info: Info,
    first: First,
    after: After = None,
    status: Status = None,
    company_id: CompanyId = None,
    mine: Mine = False,
) -> Page[Ticket]:
    company = key_if_given(Company, company_id, "companyId")
    asked = ticket_queries.Asked(first, after, status, company, mine)
    async with info.context.read() as session:
        return await ticket_queries.queue(session, actor=info.context.actor, asked=asked)


async def open(info: Info, input: TicketOpenInput) -> TicketOutcome:  # noqa: A001 - the trade's word
    return await attempt(
        info,
        TicketOutcome,
        lambda session: tickets.open(session, **_opening(info, input)),
        input=input,
        company_id=of(info, Order, input.order_id, "orderId"),
    )


async def reply(info: Info, input: TicketReplyInput) -> TicketOutcome:
    return await attempt(
        info,
        TicketOutcome,
        lambda session: tickets.reply(session, body=input.body, **_of(info, input)),
        input=input,
        company_id=of(info, Ticket, input.ticket_id, "ticketId"),
    )


async def assign(info: Info, input: TicketAssignInput) -> TicketOutcome:
    return await attempt(
        info,
        TicketOutcome,
        lambda session: tickets.assign(session, **_assignment(input), **_of(info, input)),
        input=input,
        company_id=of(info, Ticket, input.ticket_id, "ticketId"),
    )


async def resolve(info: Info, input: TicketResolveInput) -> TicketOutcome:
    return await attempt(
        info,
        TicketOutcome,
        lambda session: tickets.resolve(session, **_ending(input), **_of(info, input)),
        input=input,
        company_id=of(info, Ticket, input.ticket_id, "ticketId"),
    )


def _of(info: Info, input: Any) -> dict[str, Any]:
    """Who speaks, in which ticket."""
    return {
        "actor": info.context.actor,
        "ticket_id": key_of(Ticket, input.ticket_id, "ticketId"),
    }


def _opening(info: Info, input: TicketOpenInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "order_id": key_of(Order, input.order_id, "orderId"),
        "kind": input.kind,
        "subject": input.subject,
        "body": input.body,
    }


def _assignment(input: TicketAssignInput) -> dict[str, Any]:
    given = input.assignee_id
    return {
        "assignee_id": key_if_given(Person, given, "assigneeId"),
        "priority": input.priority,
        "expected_version": input.expected_version,
    }


def _ending(input: TicketResolveInput) -> dict[str, Any]:
    return {
        "resolution": input.resolution,
        "money_back": input.money_back(),
        "expected_version": input.expected_version,
    }


def available_actions(parent: strawberry.Parent[Ticket], info: Info) -> list[TicketAction]:
    return ticket_states.available_actions(parent, info.context.actor)
