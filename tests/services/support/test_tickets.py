"""Tickets: status changes, access, and refunds that are granted once."""

import asyncio

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import Refund, RefundReason
from models.support import Ticket, TicketMessage, TicketPriority, TicketStatus
from services.core.problems import (
    DomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
    VersionConflict,
)
from services.events.event_log import order_stream, support_stream, ticket_stream
from services.orders import ticket_states
from services.payments.refunds import RefundExceedsCaptured
from services.support import ticket_queries, tickets
from services.support.tickets import (
    MAX_BODY_LENGTH,
    MAX_MESSAGES_PER_TICKET,
    MAX_OPEN_TICKETS_PER_ORDER,
    TicketRefund,
    TooMany,
)
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    payment_of,
    write_as,
)
from tests.support.tickets import (
    create_agent,
    customer_of,
    expect_problem,
    open_ticket_as,
    run_step,
)
from workflows.checkout import place_order


async def test_replies_change_the_status_and_reopen_a_resolved_ticket(
    database: Database, city: City, order: Order
) -> None:
    customer, support = customer_of(order), await create_agent(database, city)
    ticket = await open_ticket_as(database, customer, order)
    assert (ticket.status, ticket.priority) == (TicketStatus.OPEN, TicketPriority.URGENT)
    assert ticket_states.MACHINE.available_actions(ticket, customer) == ["REPLY"]
    assert ticket_states.MACHINE.available_actions(ticket, support) == [
        "REPLY",
        "ASSIGN",
        "RESOLVE",
    ]
    ticket = await run_step(database, support, ticket, tickets.reply, body="Which milk?")
    assert ticket.status is TicketStatus.AWAITING_CUSTOMER
    assert ticket.first_responded_at is not None
    ticket = await run_step(database, customer, ticket, tickets.reply, body="Both.")
    assert ticket.status is TicketStatus.OPEN
    ticket = await run_step(database, support, ticket, tickets.resolve, resolution="Sent again.")
    assert (ticket.status, ticket.assignee_id) == (TicketStatus.RESOLVED, support.person_id)
    assert ticket_states.MACHINE.available_actions(ticket, support) == []
    ticket = await run_step(database, customer, ticket, tickets.reply, body="It leaks.")
    assert (ticket.status, ticket.resolved_at) == (TicketStatus.OPEN, None)
    event_types = [
        "TICKET_OPENED",
        "MESSAGE_ADDED",
        "MESSAGE_ADDED",
        "TICKET_RESOLVED",
        "TICKET_REOPENED",
    ]
    assert await _event_types(database, ticket_stream(ticket.id)) == event_types
    assert await _event_types(database, support_stream(city.company.id)) == event_types
    assert (await _event_types(database, order_stream(order.id)))[-2:] == [
        "TICKET_OPENED",
        "TICKET_RESOLVED",
    ]


async def test_events_do_not_contain_message_texts(
    database: Database, city: City, order: Order
) -> None:
    ticket = await open_ticket_as(database, customer_of(order), order)
    async with database.read(PLATFORM) as session:
        rows = select(Event.body).where(Event.stream == support_stream(city.company.id))
        bodies = (await session.scalars(rows)).all()
    assert [body["ticket_id"] for body in bodies] == [str(ticket.id)]
    assert "milk" not in str(bodies).lower()


async def test_other_people_get_not_found(database: Database, city: City, order: Order) -> None:
    ticket = await open_ticket_as(database, customer_of(order), order)
    (other,) = await create_people(database)
    elsewhere = Grant(Role.SUPPORT_AGENT, city.second.id)
    (foreign,) = await create_people(database, 1, elsewhere)
    staff = await create_picker(database, city.near)
    for stranger in (other, foreign, staff):
        assert ticket_states.MACHINE.available_actions(ticket, stranger) == []
        assert isinstance(
            await expect_problem(database, stranger, ticket, tickets.assign), NotFound
        )
        for function, argument in ((tickets.reply, "body"), (tickets.resolve, "resolution")):
            problem = await expect_problem(
                database, stranger, ticket, function, **{argument: "Hello"}
            )
            assert isinstance(problem, NotFound)
        with pytest.raises(DomainError, match="no such order"):
            await open_ticket_as(database, stranger, order)
        async with database.read(stranger.scope()) as session:
            with pytest.raises(DomainError, match="no such ticket"):
                await ticket_queries.visible_ticket(session, actor=stranger, ticket_id=ticket.id)
            page = await ticket_queries.list_queue(
                session, actor=stranger, query=ticket_queries.TicketQueueQuery(100)
            )
            assert ticket.id not in [row.id for row in page.nodes]


async def test_agents_can_not_handle_tickets_about_their_own_orders(
    database: Database, city: City, order: Order
) -> None:
    grants = (Grant(Role.CUSTOMER), Grant(Role.SUPPORT_AGENT))
    both = Actor(order.customer_id, grants=grants)
    ticket = await open_ticket_as(database, both, order)
    refund = TicketRefund(100, RefundReason.GOODWILL)
    problem = await expect_problem(
        database, both, ticket, tickets.resolve, resolution="For me.", refund=refund
    )
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == ["REPLY"]
    async with database.read(both.scope()) as session:
        page = await ticket_queries.list_queue(
            session,
            actor=both,
            query=ticket_queries.TicketQueueQuery(100, company_id=city.company.id),
        )
    assert page.nodes == []


async def test_concurrent_refunds_can_not_exceed_the_captured_amount(
    database: Database, city: City, order: Order
) -> None:
    customer = customer_of(order)
    both = [await open_ticket_as(database, customer, order) for _ in range(2)]
    async with database.read(PLATFORM) as session:
        captured = (await payment_of(session, order)).captured_amount_minor
    refund = TicketRefund(captured * 6 // 10, RefundReason.ITEM_MISSING)
    arguments = {"resolution": "Money back.", "refund": refund}
    agents = [await create_agent(database, city), await create_agent(database)]
    results = await asyncio.gather(
        *(
            run_step(database, one, ticket, tickets.resolve, **arguments)
            for one, ticket in zip(agents, both, strict=True)
        ),
        return_exceptions=True,
    )
    (resolved,) = [one for one in results if isinstance(one, Ticket)]
    (error,) = [one for one in results if isinstance(one, DomainError)]
    (problem,) = error.problems
    assert isinstance(problem, RefundExceedsCaptured)
    assert problem.path == ["input", "refund", "amountMinor"]
    assert problem.remaining_minor == captured - refund.amount_minor
    async with database.read(PLATFORM) as session:
        refunds = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).all()
        statuses = await session.scalars(select(Ticket.status).where(Ticket.order_id == order.id))
        assert sorted(statuses) == ["OPEN", "RESOLVED"]
    assert [(one.ticket_id, one.amount_minor) for one in refunds] == [
        (resolved.id, refund.amount_minor)
    ]


async def test_open_tickets_of_an_order_are_limited(database: Database, order: Order) -> None:
    customer = customer_of(order)
    for _ in range(MAX_OPEN_TICKETS_PER_ORDER):
        await open_ticket_as(database, customer, order)
    with pytest.raises(DomainError) as caught:
        await open_ticket_as(database, customer, order)
    (problem,) = caught.value.problems
    assert isinstance(problem, TooMany)
    assert problem.limit == MAX_OPEN_TICKETS_PER_ORDER


async def test_messages_of_a_ticket_are_limited(database: Database, order: Order) -> None:
    customer = customer_of(order)
    ticket = await open_ticket_as(database, customer, order)
    async with write_as(database, customer, order.company_id) as session:
        session.add_all(
            TicketMessage(
                ticket_id=ticket.id,
                company_id=ticket.company_id,
                customer_id=ticket.customer_id,
                author_id=ticket.customer_id,
                author_role=Role.CUSTOMER,
                body="And?",
            )
            for _ in range(MAX_MESSAGES_PER_TICKET - 1)
        )
    problem = await expect_problem(database, customer, ticket, tickets.reply, body="And?")
    assert isinstance(problem, TooMany)


@pytest.mark.parametrize(
    "body", ["", " \n ", "\0", "a\x07b", "\ud800", "x" * (MAX_BODY_LENGTH + 1)]
)
async def test_invalid_text_is_refused(database: Database, order: Order, body: str) -> None:
    customer = customer_of(order)
    ticket = await open_ticket_as(database, customer, order)
    assert isinstance(
        await expect_problem(database, customer, ticket, tickets.reply, body=body), InvalidInput
    )


async def test_a_ticket_can_not_be_opened_before_the_order_is_paid(
    dependencies: OrderDependencies, city: City
) -> None:
    (customer,) = await create_people(dependencies.database)
    placement = await place_order.place(
        dependencies, actor=customer, origin=ORIGIN, order_request=order_request(city)
    )
    with pytest.raises(DomainError) as caught:
        await open_ticket_as(dependencies.database, customer, placement.order)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidTransition)
    assert problem.current_status == "AWAITING_PAYMENT"
    assert "CANCEL" in problem.allowed_actions


async def test_a_ticket_can_be_assigned_only_to_agents(
    database: Database, city: City, order: Order
) -> None:
    ticket = await open_ticket_as(database, customer_of(order), order)
    support, other = await create_agent(database), await create_agent(database, city)
    (customer,) = await create_people(database)
    arguments = {"assignee_id": other.person_id, "priority": TicketPriority.NORMAL}
    ticket = await run_step(database, support, ticket, tickets.assign, **arguments)
    assert (ticket.assignee_id, ticket.priority) == (other.person_id, TicketPriority.NORMAL)
    problem = await expect_problem(
        database, support, ticket, tickets.assign, assignee_id=customer.person_id
    )
    assert isinstance(problem, NotFound)
    stale = ticket.version - 1
    problem = await expect_problem(database, other, ticket, tickets.assign, expected_version=stale)
    assert isinstance(problem, VersionConflict)
    assert problem.current_version == ticket.version


async def _event_types(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))
