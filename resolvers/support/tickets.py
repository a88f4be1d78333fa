"""Tickets, for their customers and for support agents."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.accounts import User
from models.companies import Company
from models.orders import Order
from models.support import Ticket, TicketAction, TicketStatus
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.support.inputs import (
    TicketAssignInput,
    TicketOpenInput,
    TicketReplyInput,
    TicketResolveInput,
)
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.orders import ticket_states
from services.support import ticket_queries, tickets

TicketId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
OrderId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only tickets of this order.")
]
Status = Annotated[
    TicketStatus | None,
    strawberry.argument(description="Only these statuses; all unresolved tickets if left out."),
]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Only of this company; all companies that the caller serves if left out."
    ),
]
AssignedToMe = Annotated[
    bool, strawberry.argument(description="Only tickets that are assigned to the caller.")
]


@dataclass
class TicketOutcome:
    """Result of a ticket mutation: the ticket, or the problems."""

    ticket: Ticket | None = None
    errors: list[Any] = field(default_factory=list)


async def get_ticket(info: Info, id: TicketId) -> Ticket:
    key = parse_id(Ticket, id, "id")
    async with info.context.read() as session:
        return await ticket_queries.visible_ticket(session, actor=info.context.actor, ticket_id=key)


async def list_own(
    info: Info, first: First, after: After = None, order_id: OrderId = None
) -> Page[Ticket]:
    order = parse_optional_id(Order, order_id, "orderId")
    actor = info.context.actor
    async with info.context.read() as session:
        return await ticket_queries.list_of_customer(
            session, actor=actor, first=first, cursor=after, order_id=order
        )


async def list_queue(
    info: Info,
    first: First,
    after: After = None,
    status: Status = None,
    company_id: CompanyId = None,
    assigned_to_me: AssignedToMe = False,
) -> Page[Ticket]:
    company = parse_optional_id(Company, company_id, "companyId")
    query = ticket_queries.TicketQueueQuery(first, after, status, company, assigned_to_me)
    async with info.context.read() as session:
        return await ticket_queries.list_queue(session, actor=info.context.actor, query=query)


async def open_ticket(info: Info, input: TicketOpenInput) -> TicketOutcome:
    return await run_mutation(
        info,
        TicketOutcome,
        lambda session: tickets.open_ticket(session, **_open_arguments(info, input)),
        input=input,
        company_id=company_of(info, Order, input.order_id, "orderId"),
    )


async def reply(info: Info, input: TicketReplyInput) -> TicketOutcome:
    return await run_mutation(
        info,
        TicketOutcome,
        lambda session: tickets.reply(session, body=input.body, **_ticket_arguments(info, input)),
        input=input,
        company_id=company_of(info, Ticket, input.ticket_id, "ticketId"),
    )


async def assign(info: Info, input: TicketAssignInput) -> TicketOutcome:
    return await run_mutation(
        info,
        TicketOutcome,
        lambda session: tickets.assign(
            session, **_assign_arguments(input), **_ticket_arguments(info, input)
        ),
        input=input,
        company_id=company_of(info, Ticket, input.ticket_id, "ticketId"),
    )


async def resolve(info: Info, input: TicketResolveInput) -> TicketOutcome:
    return await run_mutation(
        info,
        TicketOutcome,
        lambda session: tickets.resolve(
            session, **_resolve_arguments(input), **_ticket_arguments(info, input)
        ),
        input=input,
        company_id=company_of(info, Ticket, input.ticket_id, "ticketId"),
    )


def _ticket_arguments(info: Info, input: Any) -> dict[str, Any]:
    """Arguments that every step of a ticket takes."""
    return {
        "actor": info.context.actor,
        "ticket_id": parse_id(Ticket, input.ticket_id, "ticketId"),
    }


def _open_arguments(info: Info, input: TicketOpenInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "order_id": parse_id(Order, input.order_id, "orderId"),
        "kind": input.category,
        "subject": input.subject,
        "body": input.body,
    }


def _assign_arguments(input: TicketAssignInput) -> dict[str, Any]:
    return {
        "assignee_id": parse_optional_id(User, input.assignee_id, "assigneeId"),
        "priority": input.priority,
        "expected_version": input.expected_version,
    }


def _resolve_arguments(input: TicketResolveInput) -> dict[str, Any]:
    return {
        "resolution": input.resolution,
        "refund": input.to_refund(),
        "expected_version": input.expected_version,
    }


def available_actions(parent: strawberry.Parent[Ticket], info: Info) -> list[TicketAction]:
    return ticket_states.MACHINE.available_actions(parent, info.context.actor)
