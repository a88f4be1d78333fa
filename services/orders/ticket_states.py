"""State machine of a ticket: its transitions, the roles of its parties, its events."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor, Role
from models.support import Ticket, TicketAction, TicketStatus
from services.core.access import SUPPORT_ROLES
from services.core.problems import not_found
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.events.event_log import record_event, support_stream, ticket_stream

APP_ROLES = frozenset({Role.INTEGRATOR})
READER_ROLES = SUPPORT_ROLES | APP_ROLES
"""The roles that read all tickets of their company."""
CUSTOMER, AGENT = Role.CUSTOMER, Role.SUPPORT_AGENT
UNRESOLVED_STATUSES = frozenset({TicketStatus.OPEN, TicketStatus.AWAITING_CUSTOMER})
# Written exactly as in the partial index, so that generic plans of prepared statements use it.
IS_UNRESOLVED = text("ticket.status <> 'RESOLVED'")


def role_in_ticket(
    actor: Actor, company_id: UUID, customer_id: UUID, *, internal: bool = False
) -> Role | None:
    """CUSTOMER for the order's customer, SUPPORT_AGENT for support, None for everybody else.

    The customer has no role in an `internal` ticket, whatever other roles they hold.
    """
    if actor.signed_in and actor.person_id == customer_id:
        return None if internal else CUSTOMER
    return AGENT if actor.has_company_role(company_id, SUPPORT_ROLES) else None


def require_role(ticket: Ticket, actor: Actor) -> Role:
    """The actor's role in the ticket. Raises DomainError: NotFound without one."""
    role = _role(actor, ticket)
    if role is None:
        raise not_found(Ticket, "ticketId")
    return role


def may_see(row: Ticket, actor: Actor) -> bool:
    """Whether `actor` has a role in the ticket, or is an app of its company.

    Apps read tickets and take no step with them; their scope is checked for the whole document.
    """
    is_app = actor.app_id is not None and actor.has_company_role(row.company_id, APP_ROLES)
    return is_app or _role(actor, row) is not None


def is_conversation(row: Ticket) -> bool:
    return not row.internal


def _role(actor: Actor, ticket: Ticket) -> Role | None:
    owners = ticket.company_id, ticket.customer_id
    return role_in_ticket(actor, *owners, internal=ticket.internal)


def _permits(row: Ticket, actor: Actor, transition: Transition[TicketAction, TicketStatus]) -> bool:
    return _role(actor, row) in transition.roles


MACHINE: StateMachine[Ticket, TicketAction, TicketStatus] = StateMachine(
    name="Ticket",
    model=Ticket,
    status=TicketStatus,
    noun="ticket",
    id_path="ticketId",
    initial={TicketStatus.OPEN},
    transitions=(
        Transition(
            TicketAction.REPLY,
            frozenset(TicketStatus),
            {TicketStatus.OPEN},
            {CUSTOMER},
            party="the customer of the order",
            by_customer=True,
        ),
        Transition(
            TicketAction.REPLY,
            UNRESOLVED_STATUSES,
            {TicketStatus.AWAITING_CUSTOMER},
            {AGENT},
            party="support",
            condition=is_conversation,
        ),
        Transition(TicketAction.ASSIGN, UNRESOLVED_STATUSES, roles={AGENT}, party="support"),
        Transition(
            TicketAction.RESOLVE,
            UNRESOLVED_STATUSES,
            {TicketStatus.RESOLVED},
            {AGENT},
            party="support",
        ),
    ),
    automatic=(
        AutomaticTransition(
            "job: the customer has not answered for a week",
            {TicketStatus.AWAITING_CUSTOMER},
            {TicketStatus.RESOLVED},
            job="ticket.close_silent",
        ),
        AutomaticTransition(
            "system: the cause of its case has ended",
            UNRESOLVED_STATUSES,
            {TicketStatus.RESOLVED},
        ),
    ),
    is_visible=may_see,
    permits=_permits,
)


async def record_change(session: AsyncSession, ticket: Ticket, type: str, **facts: object) -> None:
    """Flush, and append an event to the ticket's streams."""
    await session.flush()
    record_ticket_event(session, ticket, type, **facts)


def record_ticket_event(session: AsyncSession, ticket: Ticket, type: str, **facts: object) -> None:
    """Append an event for the ticket's parties and both support queues, without message texts."""
    body = {
        "ticket_id": ticket.id,
        "order_id": ticket.order_id,
        "status": ticket.status,
        "priority": ticket.priority,
        "assignee_id": ticket.assignee_id,
        "version": ticket.version,
        **facts,
    }
    queues = support_stream(ticket.company_id), support_stream(None)
    for stream in (ticket_stream(ticket.id), *queues):
        record_event(session, stream, type, body, company_id=ticket.company_id)
