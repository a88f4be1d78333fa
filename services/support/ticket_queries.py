"""Reading tickets: a customer's own, and what waits at a support desk."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, case, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.support import Ticket, TicketPriority, TicketStatus
from services.core.pages import Page, after, bounded, page
from services.core.problems import not_found
from services.orders.stages import SUPPORT_ROLES
from services.support.ticket_states import NOT_RESOLVED, party

RANK = {TicketPriority.URGENT: 0, TicketPriority.HIGH: 1, TicketPriority.NORMAL: 2}
BY_URGENCY = case(RANK, value=Ticket.priority)


async def visible(session: AsyncSession, *, actor: Actor, ticket_id: UUID) -> Ticket:
    """One ticket, for its customer and for support; refused as not found for all others."""
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or party(actor, ticket.company_id, ticket.customer_id) is None:
        raise not_found(Ticket, "id")
    return ticket


async def of_customer(
    session: AsyncSession,
    *,
    actor: Actor,
    first: int,
    cursor: str | None,
    order_id: UUID | None = None,
) -> Page[Ticket]:
    """A customer's own tickets, the newest first; of one order when it is named."""
    rows = select(Ticket).where(Ticket.customer_id == actor.person_id)
    if order_id is not None:
        rows = rows.where(Ticket.order_id == order_id)
    return await _newest(session, rows, bounded(first), cursor)


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a desk's queue: without `status` all that is unresolved, in every company served.

    `mine` keeps the tickets assigned to the agent who asks.
    """

    first: int
    cursor: str | None = None
    status: TicketStatus | None = None
    company_id: UUID | None = None
    mine: bool = False


async def queue(session: AsyncSession, *, actor: Actor, asked: Asked) -> Page[Ticket]:
    """What an agent has to see to: urgent ones first, then the oldest; resolved ones newest first.

    Refused: NotFound for a company that the agent does not serve, InvalidInput.
    """
    first = bounded(asked.first)
    rows = _at_desk(actor, asked.company_id)
    if asked.mine:
        rows = rows.where(Ticket.assignee_id == actor.person_id)
    if asked.status is TicketStatus.RESOLVED:
        resolved = rows.where(Ticket.status == TicketStatus.RESOLVED)
        return await _newest(session, resolved, first, asked.cursor)
    rows = rows.where(NOT_RESOLVED)
    rows = rows.where(Ticket.status == asked.status) if asked.status else rows
    if (start := after(asked.cursor, int, UUID)) is not None:
        rows = rows.where(tuple_(BY_URGENCY, Ticket.id) > tuple_(*start))
    found = (await session.scalars(rows.order_by(BY_URGENCY, Ticket.id).limit(first + 1))).all()
    return page(found, first, lambda row: (RANK[row.priority], str(row.id)))


def _at_desk(actor: Actor, company_id: UUID | None) -> Select[Ticket]:
    """The tickets of the companies that this agent serves; never of the agent's own orders."""
    rows = select(Ticket).where(Ticket.customer_id != actor.person_id)
    if company_id is not None:
        if not actor.acts_for(company_id, SUPPORT_ROLES):
            raise not_found(Company, "companyId")
        return rows.where(Ticket.company_id == company_id)
    if actor.platform:
        return rows
    served = [one for one in actor.companies if actor.acts_for(one, SUPPORT_ROLES)]
    return rows.where(Ticket.company_id.in_(served))


async def _newest(
    session: AsyncSession, rows: Select[Ticket], first: int, cursor: str | None
) -> Page[Ticket]:
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(Ticket.id < start[0])
    found = (await session.scalars(rows.order_by(Ticket.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))
