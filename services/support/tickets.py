"""Tickets: a customer and support speak about one order, and money goes back where it is due.

Whoever bought the order speaks as its customer, whatever other roles they hold: nobody grants
themselves a refund. Locks are taken in this order: the order, the ticket, the payment.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Membership, Person
from models.events import EventType
from models.identity import Actor, Role
from models.orders import Order, OrderAction, OrderStatus
from models.payments import Payment, RefundReason
from models.support import (
    Ticket,
    TicketAction,
    TicketKind,
    TicketMessage,
    TicketPriority,
    TicketStatus,
)
from services.core.clock import moment
from services.core.problems import IllegalStep, Problem, Refused, not_found
from services.core.text import line, prose
from services.events.event_log import order_happened
from services.orders import orders
from services.orders.stages import SUPPORT_ROLES, Progress, actions, stage
from services.payments import payments
from services.support.ticket_states import (
    AGENT,
    CUSTOMER,
    UNRESOLVED,
    changed,
    enter,
    lock,
    party,
    tell,
    unchanged,
)

SUBJECT_LENGTH = 120
BODY_LENGTH = 4_000
RESOLUTION_LENGTH = 1_000
MESSAGES_A_TICKET = 200
OPEN_TICKETS_AN_ORDER = 5

WHOSE_TURN = {CUSTOMER: TicketStatus.OPEN, AGENT: TicketStatus.WAITING}
PRIORITIES = {TicketKind.PAYMENT: TicketPriority.HIGH, TicketKind.ITEM_WRONG: TicketPriority.HIGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany(Problem):
    """There are `most` already, and there may not be more."""

    most: int


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """What an agent gives back when resolving: minor units of the order's currency, and why."""

    amount_minor: int
    reason: RefundReason


async def open(  # noqa: A001 - the trade's word; nothing in this room opens files
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    kind: TicketKind,
    subject: str,
    body: str,
) -> Ticket:
    """Begin a conversation about an order, by its customer or by support on the customer's behalf.

    Refused: NotFound, InvalidInput, IllegalStep while the order isn't paid, TooMany open ones.
    """
    subject = line(subject, "input", "subject", most=SUBJECT_LENGTH, least=1)
    body = prose(body, "input", "body", most=BODY_LENGTH, least=1)
    order = await orders.lock(session, order_id)
    who = party(actor, order.company_id, order.customer_id)
    if who is None or actor.person_id is None:
        raise not_found(Order, "orderId")
    await _may_open(session, actor, order)
    ticket = Ticket(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        opened_by_id=actor.person_id,
        assignee_id=actor.person_id if who is AGENT else None,
        kind=kind,
        priority=_priority(order, kind),
        subject=subject,
        first_answered_at=await moment(session) if who is AGENT else None,
    )
    session.add(ticket)
    await session.flush()
    await _say(session, ticket, actor.person_id, who, body)
    tell(session, ticket, "TICKET_OPENED")
    order_happened(session, order, EventType.TICKET_OPENED, ticket_id=ticket.id, kind=kind)
    return ticket


async def _may_open(session: AsyncSession, actor: Actor, order: Order) -> None:
    paid = select(Payment.status).where(Payment.order_id == order.id).order_by(Payment.id.desc())
    whose = (order.id, order.company_id, order.store_id, order.customer_id)
    now = Progress(*whose, order.status, await session.scalar(paid.limit(1)))
    legal = actions(actor, now)
    if OrderAction.OPEN_TICKET not in legal:
        message = f"There is nothing to complain of while the order is {stage(now)}."
        path = ["input", "orderId"]
        raise Refused(IllegalStep(path=path, message=message, state=stage(now), legal=[*legal]))
    unresolved = select(func.count()).where(
        Ticket.order_id == order.id, Ticket.status.in_(UNRESOLVED)
    )
    if (await session.scalar(unresolved) or 0) >= OPEN_TICKETS_AN_ORDER:
        raise _too_many("orderId", "unresolved tickets of this order", OPEN_TICKETS_AN_ORDER)


def _priority(order: Order, kind: TicketKind) -> TicketPriority:
    """Urgent while the groceries are under way; else by what went wrong."""
    if order.status is OrderStatus.CONFIRMED:
        return TicketPriority.URGENT
    return PRIORITIES.get(kind, TicketPriority.NORMAL)


async def reply(session: AsyncSession, *, actor: Actor, ticket_id: UUID, body: str) -> Ticket:
    """Say something: then it is the other side's turn; a customer reopens what was resolved.

    Refused: NotFound, InvalidInput, IllegalStep, TooMany messages.
    """
    body = prose(body, "input", "body", most=BODY_LENGTH, least=1)
    ticket = await lock(session, ticket_id)
    who = enter(ticket, actor, TicketAction.REPLY)
    said = select(func.count()).where(TicketMessage.ticket_id == ticket.id)
    if (await session.scalar(said) or 0) >= MESSAGES_A_TICKET:
        raise _too_many("ticketId", "messages in this ticket", MESSAGES_A_TICKET)
    reopened = ticket.status is TicketStatus.RESOLVED
    ticket.status, ticket.resolved_at = WHOSE_TURN[who], None
    if who is AGENT and ticket.first_answered_at is None:
        ticket.first_answered_at = await moment(session)
    await changed(session, ticket)
    if actor.person_id is not None:
        message = await _say(session, ticket, actor.person_id, who, body)
        told = "TICKET_REOPENED" if reopened else "MESSAGE_ADDED"
        tell(session, ticket, told, message_id=message.id, author_role=who)
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
    """Give a ticket to an agent of its company or of the platform; without one, to the actor.

    Refused: NotFound, IllegalStep, VersionConflict.
    """
    ticket = await lock(session, ticket_id)
    enter(ticket, actor, TicketAction.ASSIGN)
    unchanged(ticket, expected_version)
    if assignee_id not in (None, actor.person_id):
        await _is_agent(session, ticket, assignee_id)
    ticket.assignee_id = assignee_id or actor.person_id
    ticket.priority = priority or ticket.priority
    await changed(session, ticket)
    tell(session, ticket, "TICKET_ASSIGNED")
    return ticket


async def resolve(
    session: AsyncSession,
    *,
    actor: Actor,
    ticket_id: UUID,
    resolution: str,
    money_back: MoneyBack | None = None,
    expected_version: int | None = None,
) -> Ticket:
    """End a ticket with a sentence for the customer, and with money back in the same stroke.

    Refused: NotFound, InvalidInput, IllegalStep, VersionConflict, ExceedsCaptured.
    """
    resolution = prose(resolution, "input", "resolution", most=RESOLUTION_LENGTH, least=1)
    order_id = await session.scalar(select(Ticket.order_id).where(Ticket.id == ticket_id))
    if order_id is None:
        raise not_found(Ticket, "ticketId")
    order = await orders.lock(session, order_id)
    ticket = await lock(session, ticket_id)
    enter(ticket, actor, TicketAction.RESOLVE)
    unchanged(ticket, expected_version)
    if money_back is not None:
        await _give_back(session, actor, order, ticket, money_back)
    ticket.status = TicketStatus.RESOLVED
    ticket.resolution = resolution
    ticket.resolved_at = await moment(session)
    ticket.first_answered_at = ticket.first_answered_at or ticket.resolved_at
    ticket.assignee_id = ticket.assignee_id or actor.person_id
    await changed(session, ticket)
    tell(session, ticket, "TICKET_RESOLVED")
    order_happened(session, order, EventType.TICKET_RESOLVED, ticket_id=ticket.id)
    return ticket


async def _is_agent(session: AsyncSession, ticket: Ticket, person_id: UUID | None) -> None:
    everywhere_or_here = or_(
        Membership.company_id.is_(None), Membership.company_id == ticket.company_id
    )
    held = select(Membership.id).where(
        Membership.person_id == person_id,
        Membership.role.in_(SUPPORT_ROLES),
        Membership.store_id.is_(None),
        Membership.revoked_at.is_(None),
        everywhere_or_here,
    )
    if person_id == ticket.customer_id or await session.scalar(held.limit(1)) is None:
        raise not_found(Person, "assigneeId")


async def _give_back(
    session: AsyncSession, actor: Actor, order: Order, ticket: Ticket, back: MoneyBack
) -> None:
    try:
        await payments.request_refund(
            session, order, back.amount_minor, back.reason, "", ticket.id, actor.person_id
        )
    except Refused as refused:
        raise Refused(*(_in_refund(reason) for reason in refused.reasons)) from None


def _in_refund(reason: Problem) -> Problem:
    """The same reason, speaking of the input's `refund`."""
    return replace(reason, path=["input", "refund", *reason.path[1:]])


async def _say(
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


def _too_many(field: str, what: str, most: int) -> Refused:
    return Refused(TooMany(path=["input", field], message=f"{most} {what} is the most.", most=most))
