"""Tickets: conversations between a customer and support about one order, with refunds.

The customer of the order always acts as customer, whatever other roles they have: nobody grants
themselves a refund. Lock order: the order, the ticket, the payment.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership, User
from models.events import OrderEventKind
from models.identity import Actor, Role
from models.message_text import number_text, words_text
from models.orders import Order, OrderAction, OrderStatus
from models.payments import Payment, RefundReason
from models.support import (
    SYSTEM_KINDS,
    Ticket,
    TicketAction,
    TicketCategory,
    TicketMessage,
    TicketPriority,
    TicketStatus,
)
from services.core.access import SUPPORT_ROLES
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.state_machine import column_values, illegal_step, raise_version
from services.core.text import parse_line, parse_multiline
from services.events.event_log import record_order_event
from services.orders import order_locks, order_states
from services.orders.stages import OrderProgress, order_stage
from services.orders.ticket_states import (
    AGENT,
    CUSTOMER,
    MACHINE,
    UNRESOLVED_STATUSES,
    record_change,
    record_ticket_event,
    require_role,
    role_in_ticket,
)
from services.payments import payments

MAX_SUBJECT_LENGTH = 120
MAX_BODY_LENGTH = 4_000
MAX_RESOLUTION_LENGTH = 1_000
MAX_MESSAGES_PER_TICKET = 200
MAX_OPEN_TICKETS_PER_ORDER = 5

STATUS_AFTER_REPLY = {CUSTOMER: TicketStatus.OPEN, AGENT: TicketStatus.AWAITING_CUSTOMER}
PRIORITY_BY_KIND = {
    TicketCategory.PAYMENT: TicketPriority.HIGH,
    TicketCategory.ITEM_WRONG: TicketPriority.HIGH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany(Problem):
    """The limit of `most` is reached."""

    limit: int


@dataclass(frozen=True, slots=True)
class TicketRefund:
    """A refund granted when a ticket is resolved, in minor units of the order's currency."""

    amount_minor: int
    reason: RefundReason


async def open_ticket(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    kind: TicketCategory,
    subject: str,
    body: str,
) -> Ticket:
    """Open a ticket about an order, by its customer or by support on the customer's behalf.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition while the order is not paid,
    TooMany unresolved tickets of the order.
    """
    subject = parse_line(subject, "input", "subject", max_length=MAX_SUBJECT_LENGTH, min_length=1)
    body = parse_multiline(body, "input", "body", max_length=MAX_BODY_LENGTH, min_length=1)
    _require_client_kind(kind)
    order = await order_locks.lock(session, order_id)
    role = role_in_ticket(actor, order.company_id, order.customer_id)
    if role is None or actor.person_id is None:
        raise not_found(Order, "orderId")
    await _require_may_open(session, actor, order)
    ticket = Ticket(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        opened_by_id=actor.person_id,
        assignee_id=actor.person_id if role is AGENT else None,
        category=kind,
        priority=_initial_priority(order, kind),
        subject=subject,
        first_responded_at=await current_time(session) if role is AGENT else None,
    )
    session.add(ticket)
    await session.flush()
    await _add_message(session, ticket, actor.person_id, role, body)
    record_ticket_event(session, ticket, "TICKET_OPENED")
    record_order_event(session, order, OrderEventKind.TICKET_OPENED, ticket_id=ticket.id, kind=kind)
    return ticket


def _require_client_kind(kind: TicketCategory) -> None:
    if kind in SYSTEM_KINDS:
        message = "The system opens these."
        raise DomainError(InvalidInput(path=["input", "category"], message=message))


async def _require_may_open(session: AsyncSession, actor: Actor, order: Order) -> None:
    status = select(Payment.status).where(Payment.order_id == order.id, Payment.is_current)
    order_keys = (order.id, order.company_id, order.store_id, order.customer_id)
    progress = OrderProgress(*order_keys, order.status, await session.scalar(status))
    legal = order_states.MACHINE.available_actions(progress, actor)
    if OrderAction.OPEN_TICKET not in legal:
        stage = order_stage(progress)
        message = f"There is nothing to complain of while the order is {words_text(stage)}."
        raise illegal_step("input", "orderId", message=message, state=stage, legal=legal)
    unresolved = select(func.count()).where(
        Ticket.order_id == order.id,
        Ticket.status.in_(UNRESOLVED_STATUSES),
        Ticket.internal.is_(False),
    )
    if (await session.scalar(unresolved) or 0) >= MAX_OPEN_TICKETS_PER_ORDER:
        raise _too_many("orderId", "unresolved tickets of this order", MAX_OPEN_TICKETS_PER_ORDER)


def _initial_priority(order: Order, kind: TicketCategory) -> TicketPriority:
    """URGENT while the order is in progress; otherwise by the kind of ticket."""
    if order.status is OrderStatus.CONFIRMED:
        return TicketPriority.URGENT
    return PRIORITY_BY_KIND.get(kind, TicketPriority.NORMAL)


async def reply(session: AsyncSession, *, actor: Actor, ticket_id: UUID, body: str) -> Ticket:
    """Add a message; the other party has to answer next. A customer's reply reopens the ticket.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition, TooMany messages.
    """
    body = parse_multiline(body, "input", "body", max_length=MAX_BODY_LENGTH, min_length=1)
    ticket = await MACHINE.begin(session, actor, ticket_id, TicketAction.REPLY)
    role = require_role(ticket, actor)
    if actor.person_id is None:
        raise not_found(Ticket, "ticketId")
    message_count = select(func.count()).where(TicketMessage.ticket_id == ticket.id)
    if (await session.scalar(message_count) or 0) >= MAX_MESSAGES_PER_TICKET:
        raise _too_many("ticketId", "messages in this ticket", MAX_MESSAGES_PER_TICKET)
    message = await _add_message(session, ticket, actor.person_id, role, body)
    is_reopened = ticket.status is TicketStatus.RESOLVED
    MACHINE.move(ticket, STATUS_AFTER_REPLY[role])
    ticket.resolved_at = None
    if role is AGENT and ticket.first_responded_at is None:
        ticket.first_responded_at = await current_time(session)
    event_type = "TICKET_REOPENED" if is_reopened else "MESSAGE_ADDED"
    await record_change(session, ticket, event_type, message_id=message.id, author_role=role)
    return ticket


async def assign(
    session: AsyncSession,
    *,
    actor: Actor,
    ticket_id: UUID,
    assignee_id: UUID | None = None,
    priority: TicketPriority | None = None,
    expected_version: int | None = None,
) -> Ticket:
    """Assign a ticket to an agent of its company or of the platform; by default to the actor.

    A call that changes nothing keeps the version. Raises DomainError: NotFound, InvalidTransition,
    VersionConflict.
    """
    ticket = await MACHINE.begin(session, actor, ticket_id, TicketAction.ASSIGN, expected_version)
    if assignee_id not in (None, actor.person_id):
        await _require_agent(session, ticket, assignee_id)
    before = column_values(ticket)
    ticket.assignee_id = assignee_id or actor.person_id
    ticket.priority = priority or ticket.priority
    if not raise_version(ticket, before):
        return ticket
    await record_change(session, ticket, "TICKET_ASSIGNED")
    return ticket


async def resolve(
    session: AsyncSession,
    *,
    actor: Actor,
    ticket_id: UUID,
    resolution: str,
    refund: TicketRefund | None = None,
    expected_version: int | None = None,
) -> Ticket:
    """Resolve a ticket with a text for the customer, and request a refund if one is given.

    Raises DomainError: NotFound, InvalidInput, InvalidTransition, VersionConflict,
    RefundExceedsCaptured.
    """
    resolution = parse_multiline(
        resolution, "input", "resolution", max_length=MAX_RESOLUTION_LENGTH, min_length=1
    )
    order_id = await session.scalar(select(Ticket.order_id).where(Ticket.id == ticket_id))
    if order_id is None:
        raise not_found(Ticket, "ticketId")
    order = await order_locks.lock(session, order_id)
    ticket = await MACHINE.begin(session, actor, ticket_id, TicketAction.RESOLVE, expected_version)
    if refund is not None:
        await _request_refund(session, actor, order, ticket, refund)
    MACHINE.move(ticket, TicketStatus.RESOLVED)
    ticket.resolution = resolution
    ticket.resolved_at = await current_time(session)
    ticket.first_responded_at = ticket.first_responded_at or ticket.resolved_at
    ticket.assignee_id = ticket.assignee_id or actor.person_id
    await record_change(session, ticket, "TICKET_RESOLVED")
    if not ticket.internal:  # the customer reads the order's events, and knows of no case
        record_order_event(session, order, OrderEventKind.TICKET_RESOLVED, ticket_id=ticket.id)
    return ticket


async def _require_agent(session: AsyncSession, ticket: Ticket, person_id: UUID | None) -> None:
    """Raise DomainError: NotFound unless the person may handle the ticket as an agent."""
    of_company_or_platform = or_(
        Membership.company_id.is_(None), Membership.company_id == ticket.company_id
    )
    membership = select(Membership.id).where(
        Membership.person_id == person_id,
        Membership.role.in_(SUPPORT_ROLES),
        Membership.store_id.is_(None),
        Membership.revoked_at.is_(None),
        of_company_or_platform,
    )
    if person_id == ticket.customer_id or await session.scalar(membership.limit(1)) is None:
        raise not_found(User, "assigneeId")


async def _request_refund(
    session: AsyncSession, actor: Actor, order: Order, ticket: Ticket, refund: TicketRefund
) -> None:
    try:
        await payments.request_refund(
            session, order, refund.amount_minor, refund.reason, "", ticket.id, actor.person_id
        )
    except DomainError as error:
        raise DomainError(*map(_in_refund_input, error.problems)) from None


def _in_refund_input(problem: Problem) -> Problem:
    """The same problem with a path inside the input's `refund`."""
    return replace(problem, path=["input", "refund", *problem.path[1:]])


async def _add_message(
    session: AsyncSession, ticket: Ticket, author_id: UUID, role: Role, body: str
) -> TicketMessage:
    message = TicketMessage(
        ticket_id=ticket.id,
        company_id=ticket.company_id,
        customer_id=ticket.customer_id,
        author_id=author_id,
        author_role=role,
        body=body,
    )
    session.add(message)
    await session.flush()
    return message


def _too_many(field: str, subject: str, limit: int) -> DomainError:
    message = f"There are {number_text(limit)} {subject} already, and there can be no more."
    return DomainError(TooMany(path=["input", field], message=message, limit=limit))
