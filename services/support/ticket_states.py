"""One ticket: who speaks in it, the table of steps, the way into a step, and what is told of it."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor, Role
from models.support import Ticket, TicketAction, TicketStatus
from services.core.problems import IllegalStep, Refused, VersionConflict, not_found
from services.events.event_log import happened, support_stream, ticket_stream
from services.orders.stages import SUPPORT_ROLES

CUSTOMER, AGENT = Role.CUSTOMER, Role.SUPPORT_AGENT
UNRESOLVED = frozenset({TicketStatus.OPEN, TicketStatus.WAITING})
# Spelled as in the partial index, so that a prepared statement finds it too.
NOT_RESOLVED = text("ticket.status <> 'RESOLVED'")

# From which states each party may take a step; what is offered and refused is read off here.
STEPS: dict[tuple[Role, TicketAction], frozenset[TicketStatus]] = {
    (CUSTOMER, TicketAction.REPLY): frozenset(TicketStatus),
    (AGENT, TicketAction.REPLY): UNRESOLVED,
    (AGENT, TicketAction.ASSIGN): UNRESOLVED,
    (AGENT, TicketAction.RESOLVE): UNRESOLVED,
}


def party(actor: Actor, company_id: UUID, customer_id: UUID) -> Role | None:
    """As whom this person speaks in a ticket: its customer, its support, or None for strangers."""
    if actor.signed_in and actor.person_id == customer_id:
        return CUSTOMER
    return AGENT if actor.acts_for(company_id, SUPPORT_ROLES) else None


def available_actions(ticket: Ticket, actor: Actor) -> list[TicketAction]:
    """The steps that this person can take now."""
    who = party(actor, ticket.company_id, ticket.customer_id)
    return [
        action for (by, action), states in STEPS.items() if by is who and ticket.status in states
    ]


async def lock(session: AsyncSession, ticket_id: UUID) -> Ticket:
    """The ticket, locked and as it is now; refused as not found."""
    locked = select(Ticket).where(Ticket.id == ticket_id).with_for_update()
    found = await session.scalar(locked.execution_options(populate_existing=True))
    if found is None:
        raise not_found(Ticket, "ticketId")
    return found


def enter(ticket: Ticket, actor: Actor, action: TicketAction) -> Role:
    """As whom the actor takes this step; refused where the table has none."""
    who = party(actor, ticket.company_id, ticket.customer_id)
    if who is None:
        raise not_found(Ticket, "ticketId")
    if ticket.status not in STEPS.get((who, action), frozenset()):
        message = f"{action} is not for you to do while the ticket is {ticket.status}."
        legal: list[str] = [*available_actions(ticket, actor)]
        path = ["input", "ticketId"]
        raise Refused(IllegalStep(path=path, message=message, state=ticket.status, legal=legal))
    return who


def unchanged(ticket: Ticket, expected_version: int | None) -> None:
    if expected_version not in (None, ticket.version):
        message = f"Somebody else was faster: the ticket is {ticket.status} now."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=message, current=ticket.version))


async def changed(session: AsyncSession, ticket: Ticket) -> None:
    ticket.version += 1
    await session.flush()


def tell(session: AsyncSession, ticket: Ticket, type: str, **facts: object) -> None:
    """Record an event for those who talk in the ticket and for both desks; never what was said."""
    body = {
        "ticket_id": ticket.id,
        "order_id": ticket.order_id,
        "status": ticket.status,
        "priority": ticket.priority,
        "assignee_id": ticket.assignee_id,
        "version": ticket.version,
        **facts,
    }
    desks = support_stream(ticket.company_id), support_stream(None)
    for stream in (ticket_stream(ticket.id), *desks):
        happened(session, stream, type, body, company_id=ticket.company_id)
