"""Reads tickets: a customer's own ones, and the queue of support agents."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, case, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.support import Ticket, TicketPriority, TicketStatus
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.orders.ticket_states import IS_UNRESOLVED, READER_ROLES, may_see

PRIORITY_RANKS = {TicketPriority.URGENT: 0, TicketPriority.HIGH: 1, TicketPriority.NORMAL: 2}
PRIORITY_RANK = case(PRIORITY_RANKS, value=Ticket.priority)


async def visible_ticket(session: AsyncSession, *, actor: Actor, ticket_id: UUID) -> Ticket:
    """The ticket, for its customer, support and apps. Raises DomainError: NotFound."""
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or not may_see(ticket, actor):
        raise not_found(Ticket, "id")
    return ticket


async def list_of_customer(
    session: AsyncSession,
    *,
    actor: Actor,
    first: int,
    cursor: str | None,
    order_id: UUID | None = None,
) -> Page[Ticket]:
    """A page of a customer's own tickets, newest first; only of one order if it is given."""
    rows = select(Ticket).where(Ticket.customer_id == actor.person_id, Ticket.internal.is_(False))
    if order_id is not None:
        rows = rows.where(Ticket.order_id == order_id)
    return await _newest_first(session, rows, check_page_size(first), cursor)


@dataclass(frozen=True, slots=True)
class TicketQueueQuery:
    """A page of the queue and its filters; by default all unresolved tickets an agent may see."""

    first: int
    cursor: str | None = None
    status: TicketStatus | None = None
    company_id: UUID | None = None
    assigned_to_me: bool = False


async def list_queue(
    session: AsyncSession, *, actor: Actor, query: TicketQueueQuery
) -> Page[Ticket]:
    """A page of an agent's tickets by priority, then oldest first; resolved ones newest first.

    Raises DomainError: InvalidInput, NotFound for a company that the agent does not serve.
    """
    first = check_page_size(query.first)
    rows = _agent_tickets(actor, query.company_id)
    if query.assigned_to_me:
        rows = rows.where(Ticket.assignee_id == actor.person_id)
    if query.status is TicketStatus.RESOLVED:
        resolved = rows.where(Ticket.status == TicketStatus.RESOLVED)
        return await _newest_first(session, resolved, first, query.cursor)
    rows = rows.where(IS_UNRESOLVED)
    rows = rows.where(Ticket.status == query.status) if query.status else rows
    if (start := decode_cursor(query.cursor, PRIORITY_RANK, Ticket.id)) is not None:
        rows = rows.where(tuple_(PRIORITY_RANK, Ticket.id) > tuple_(*start))
    by_priority = rows.order_by(PRIORITY_RANK, Ticket.id).limit(first + 1)
    tickets = (await session.scalars(by_priority)).all()
    return build_page(
        tickets, first, query.cursor, lambda row: (PRIORITY_RANKS[row.priority], str(row.id))
    )


def _agent_tickets(actor: Actor, company_id: UUID | None) -> Select[Ticket]:
    """The tickets of the companies that this agent or app serves, none about its own orders."""
    rows = select(Ticket).where(Ticket.customer_id != actor.person_id)
    if company_id is not None:
        if not actor.has_company_role(company_id, READER_ROLES):
            raise not_found(Company, "companyId")
        return rows.where(Ticket.company_id == company_id)
    if actor.is_platform_staff:
        return rows
    served = [one for one in actor.company_ids if actor.has_company_role(one, READER_ROLES)]
    return rows.where(Ticket.company_id.in_(served))


async def _newest_first(
    session: AsyncSession, rows: Select[Ticket], first: int, cursor: str | None
) -> Page[Ticket]:
    if (start := decode_cursor(cursor, Ticket.id)) is not None:
        rows = rows.where(Ticket.id < start[0])
    tickets = (await session.scalars(rows.order_by(Ticket.id.desc()).limit(first + 1))).all()
    return build_page(tickets, first, cursor, lambda row: (str(row.id),))
