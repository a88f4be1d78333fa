"""Tickets: whose turn it is, who may speak, and money that goes back once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import Refund, RefundReason
from models.support import Ticket, TicketMessage, TicketPriority, TicketStatus
from services.core.problems import IllegalStep, InvalidInput, NotFound, Refused, VersionConflict
from services.events.event_log import order_stream, support_stream, ticket_stream
from services.payments.refunds import ExceedsCaptured
from services.support import ticket_queries, ticket_states, tickets
from services.support.tickets import (
    BODY_LENGTH,
    MESSAGES_A_TICKET,
    OPEN_TICKETS_AN_ORDER,
    MoneyBack,
    TooMany,
)
from tests.support.city import City
from tests.support.customers import ORIGIN, people, wish
from tests.support.paid_orders import Doors, opened, payment_of, picker, working
from tests.support.tickets import act, agent, buyer, charged, opened_by, refused
from workflows.checkout import place_order


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


@pytest.fixture
async def order(doors: Doors, city: City) -> Order:
    return await charged(doors, city)


async def test_a_conversation_goes_to_and_fro_and_may_begin_again(
    database: Database, city: City, order: Order
) -> None:
    customer, support = buyer(order), await agent(database, city)
    ticket = await opened_by(database, customer, order)
    assert (ticket.status, ticket.priority) == (TicketStatus.OPEN, TicketPriority.URGENT)
    assert ticket_states.available_actions(ticket, customer) == ["REPLY"]
    assert ticket_states.available_actions(ticket, support) == ["REPLY", "ASSIGN", "RESOLVE"]
    ticket = await act(database, support, ticket, tickets.reply, body="Which milk?")
    assert ticket.status is TicketStatus.WAITING
    assert ticket.first_answered_at is not None
    ticket = await act(database, customer, ticket, tickets.reply, body="Both.")
    assert ticket.status is TicketStatus.OPEN
    ticket = await act(database, support, ticket, tickets.resolve, resolution="Sent again.")
    assert (ticket.status, ticket.assignee_id) == (TicketStatus.RESOLVED, support.person_id)
    assert ticket_states.available_actions(ticket, support) == []
    ticket = await act(database, customer, ticket, tickets.reply, body="It leaks.")
    assert (ticket.status, ticket.resolved_at) == (TicketStatus.OPEN, None)
    told = ["TICKET_OPENED", "MESSAGE_ADDED", "MESSAGE_ADDED", "TICKET_RESOLVED", "TICKET_REOPENED"]
    assert await _told(database, ticket_stream(ticket.id)) == told
    assert await _told(database, support_stream(city.company.id)) == told
    assert (await _told(database, order_stream(order.id)))[-2:] == [
        "TICKET_OPENED",
        "TICKET_RESOLVED",
    ]


async def test_what_is_said_is_not_told_in_events(
    database: Database, city: City, order: Order
) -> None:
    ticket = await opened_by(database, buyer(order), order)
    async with database.read(PLATFORM) as session:
        rows = select(Event.body).where(Event.stream == support_stream(city.company.id))
        bodies = (await session.scalars(rows)).all()
    assert [body["ticket_id"] for body in bodies] == [str(ticket.id)]
    assert "milk" not in str(bodies).lower()


async def test_strangers_are_told_that_there_is_no_such_ticket(
    database: Database, city: City, order: Order
) -> None:
    ticket = await opened_by(database, buyer(order), order)
    (other,) = await people(database)
    elsewhere = Grant(Role.SUPPORT_AGENT, city.second.id)
    (foreign,) = await people(database, 1, elsewhere)
    staff = await picker(database, city.near)
    for stranger in (other, foreign, staff):
        assert ticket_states.available_actions(ticket, stranger) == []
        assert isinstance(await refused(database, stranger, ticket, tickets.assign), NotFound)
        for verb, words in ((tickets.reply, "body"), (tickets.resolve, "resolution")):
            reason = await refused(database, stranger, ticket, verb, **{words: "Hello"})
            assert isinstance(reason, NotFound)
        with pytest.raises(Refused, match="no such order"):
            await opened_by(database, stranger, order)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(Refused, match="no such ticket"):
                await ticket_queries.visible(session, actor=stranger, ticket_id=ticket.id)
            page = await ticket_queries.queue(
                session, actor=stranger, asked=ticket_queries.Asked(100)
            )
            assert ticket.id not in [row.id for row in page.nodes]


async def test_agents_see_to_everybodys_tickets_but_their_own(
    database: Database, city: City, order: Order
) -> None:
    grants = (Grant(Role.CUSTOMER), Grant(Role.SUPPORT_AGENT))
    both = Actor(order.customer_id, grants=grants)
    ticket = await opened_by(database, both, order)
    back = MoneyBack(100, RefundReason.GOODWILL)
    reason = await refused(
        database, both, ticket, tickets.resolve, resolution="For me.", money_back=back
    )
    assert isinstance(reason, IllegalStep)
    assert reason.legal == ["REPLY"]
    async with database.read(both.scope()) as session:
        page = await ticket_queries.queue(
            session, actor=both, asked=ticket_queries.Asked(100, company_id=city.company.id)
        )
    assert page.nodes == []


async def test_two_agents_cannot_give_the_same_money_back(
    database: Database, city: City, order: Order
) -> None:
    customer = buyer(order)
    both = [await opened_by(database, customer, order) for _ in range(2)]
    async with database.read(PLATFORM) as session:
        captured = (await payment_of(session, order)).captured_minor
    back = MoneyBack(captured * 6 // 10, RefundReason.ITEM_MISSING)
    given = {"resolution": "Money back.", "money_back": back}
    agents = [await agent(database, city), await agent(database)]
    answers = await asyncio.gather(
        *(
            act(database, one, ticket, tickets.resolve, **given)
            for one, ticket in zip(agents, both, strict=True)
        ),
        return_exceptions=True,
    )
    (done,) = [one for one in answers if isinstance(one, Ticket)]
    (lost,) = [one for one in answers if isinstance(one, Refused)]
    (reason,) = lost.reasons
    assert isinstance(reason, ExceedsCaptured)
    assert reason.path == ["input", "refund", "amountMinor"]
    assert reason.remaining_minor == captured - back.amount_minor
    async with database.read(PLATFORM) as session:
        refunds = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).all()
        statuses = await session.scalars(select(Ticket.status).where(Ticket.order_id == order.id))
        assert sorted(statuses) == ["OPEN", "RESOLVED"]
    assert [(one.ticket_id, one.amount_minor) for one in refunds] == [(done.id, back.amount_minor)]


async def test_only_so_many_tickets_of_an_order_are_open(database: Database, order: Order) -> None:
    customer = buyer(order)
    for _ in range(OPEN_TICKETS_AN_ORDER):
        await opened_by(database, customer, order)
    with pytest.raises(Refused) as caught:
        await opened_by(database, customer, order)
    (reason,) = caught.value.reasons
    assert isinstance(reason, TooMany)
    assert reason.most == OPEN_TICKETS_AN_ORDER


async def test_a_ticket_holds_only_so_many_messages(database: Database, order: Order) -> None:
    customer = buyer(order)
    ticket = await opened_by(database, customer, order)
    async with working(database, customer, order.company_id) as session:
        session.add_all(
            TicketMessage(
                ticket_id=ticket.id,
                company_id=ticket.company_id,
                customer_id=ticket.customer_id,
                author_id=ticket.customer_id,
                author_role=Role.CUSTOMER,
                body="And?",
            )
            for _ in range(MESSAGES_A_TICKET - 1)
        )
    reason = await refused(database, customer, ticket, tickets.reply, body="And?")
    assert isinstance(reason, TooMany)


@pytest.mark.parametrize("body", ["", " \n ", "\0", "a\x07b", "\ud800", "x" * (BODY_LENGTH + 1)])
async def test_unfit_text_is_refused(database: Database, order: Order, body: str) -> None:
    customer = buyer(order)
    ticket = await opened_by(database, customer, order)
    assert isinstance(
        await refused(database, customer, ticket, tickets.reply, body=body), InvalidInput
    )


async def test_nobody_complains_of_an_order_that_is_not_paid(doors: Doors, city: City) -> None:
    (customer,) = await people(doors.database)
    made = await place_order.place(doors, actor=customer, origin=ORIGIN, wish=wish(city))
    with pytest.raises(Refused) as caught:
        await opened_by(doors.database, customer, made.order)
    (reason,) = caught.value.reasons
    assert isinstance(reason, IllegalStep)
    assert reason.state == "AWAITING_PAYMENT"
    assert "CANCEL" in reason.legal


async def test_a_ticket_is_given_to_agents_only(
    database: Database, city: City, order: Order
) -> None:
    ticket = await opened_by(database, buyer(order), order)
    support, other = await agent(database), await agent(database, city)
    (customer,) = await people(database)
    given = {"assignee_id": other.person_id, "priority": TicketPriority.NORMAL}
    ticket = await act(database, support, ticket, tickets.assign, **given)
    assert (ticket.assignee_id, ticket.priority) == (other.person_id, TicketPriority.NORMAL)
    reason = await refused(
        database, support, ticket, tickets.assign, assignee_id=customer.person_id
    )
    assert isinstance(reason, NotFound)
    stale = ticket.version - 1
    reason = await refused(database, other, ticket, tickets.assign, expected_version=stale)
    assert isinstance(reason, VersionConflict)
    assert reason.current == ticket.version


async def _told(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))
