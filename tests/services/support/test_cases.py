"""Cases that the system opens: for support alone, once per order and kind."""

import pytest
from sqlalchemy import select

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.support import SYSTEM_KINDS, Ticket, TicketCategory, TicketPriority, TicketStatus
from services.core.problems import DomainError, InvalidInput, NotFound
from services.events.event_log import support_stream
from services.orders import order_locks, support_cases, ticket_states
from services.support import ticket_queries, tickets
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.store_staff import event_types
from tests.support.tickets import (
    create_agent,
    customer_of,
    expect_problem,
    open_ticket_as,
    run_step,
)


async def open_case(database: Database, order: Order) -> tuple[Ticket, bool]:
    async with database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        return await support_cases.open_case(
            session, locked, TicketCategory.NO_RIDER, "No rider", "Nobody is online."
        )


async def test_a_case_is_opened_once_until_it_is_resolved(
    database: Database, city: City, order: Order
) -> None:
    agent = await create_agent(database, city)
    case, opened = await open_case(database, order)
    assert opened
    assert (case.priority, case.opened_by_id) == (TicketPriority.URGENT, None)
    again, opened = await open_case(database, order)
    assert (again.id, opened) == (case.id, False)
    async with database.read(agent.scope()) as session:
        query = ticket_queries.TicketQueueQuery(100, company_id=city.company.id)
        page = await ticket_queries.list_queue(session, actor=agent, query=query)
    assert [ticket.id for ticket in page.nodes] == [case.id]
    assert await event_types(database, support_stream(city.company.id)) == ["TICKET_OPENED"]
    await run_step(database, agent, case, tickets.resolve, resolution="A rider was found.")
    another, opened = await open_case(database, order)
    assert opened
    assert another.id != case.id


async def test_a_case_ends_when_its_cause_ends(database: Database, order: Order) -> None:
    case, _ = await open_case(database, order)
    for closed in (True, False):
        async with database.write(PLATFORM, ORIGIN) as session:
            locked = await order_locks.lock(session, order.id)
            assert closed is await support_cases.close_case(
                session, locked, TicketCategory.NO_RIDER, "A rider was found."
            )
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Ticket, case.id)
    assert (row.status, row.resolution) == (TicketStatus.RESOLVED, "A rider was found.")


async def test_the_customer_does_not_see_a_case_about_the_own_order(
    database: Database, city: City, order: Order
) -> None:
    """Neither as a customer nor as an agent of the company, by any entry point."""
    case, _ = await open_case(database, order)
    customer = customer_of(order)
    both = Actor(
        order.customer_id, grants=(Grant(Role.CUSTOMER), Grant(Role.SUPPORT_AGENT, city.company.id))
    )
    async with database.read(customer.scope()) as session:
        assert (await session.scalars(select(Ticket.id))).all() == []
    for person in (customer, both):
        assert ticket_states.MACHINE.available_actions(case, person) == []
        for step, argument in ((tickets.reply, "body"), (tickets.resolve, "resolution")):
            problem = await expect_problem(database, person, case, step, **{argument: "Hello"})
            assert isinstance(problem, NotFound)
        async with database.read(person.scope()) as session:
            page = await ticket_queries.list_of_customer(
                session, actor=person, first=9, cursor=None
            )
            assert page.nodes == []
            with pytest.raises(DomainError, match="no such ticket"):
                await ticket_queries.visible_ticket(session, actor=person, ticket_id=case.id)


async def test_nobody_replies_in_a_case_and_nobody_opens_one_by_hand(
    database: Database, city: City, order: Order
) -> None:
    agent = await create_agent(database, city)
    case, _ = await open_case(database, order)
    assert ticket_states.MACHINE.available_actions(case, agent) == ["ASSIGN", "RESOLVE"]
    for kind in SYSTEM_KINDS:
        with pytest.raises(DomainError) as caught:
            await open_ticket_as(database, customer_of(order), order, kind)
        assert [type(problem) for problem in caught.value.problems] == [InvalidInput]


async def test_each_cause_has_a_case_of_its_own(database: Database, order: Order) -> None:
    """Two stuck refunds, or two disputes, of one order shared a case: whoever resolved the one
    closed the other."""
    causes = [uuid7(), uuid7()]
    cases = []
    for cause in causes:
        async with database.write(PLATFORM, ORIGIN) as session:
            locked = await order_locks.lock(session, order.id)
            case, opened = await support_cases.open_case(
                session, locked, TicketCategory.PAYMENT, "Stuck", cause_id=cause
            )
            assert opened
            cases.append(case.id)
    async with database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        assert not await support_cases.close_case(session, locked, TicketCategory.PAYMENT, "Done.")
        assert await support_cases.close_case(
            session, locked, TicketCategory.PAYMENT, "Done.", cause_id=causes[0]
        )
    async with database.read(PLATFORM) as session:
        left = [(await session.get_one(Ticket, key)).status for key in cases]
    assert left == [TicketStatus.RESOLVED, TicketStatus.OPEN]
