"""The queue of support agents, and the timers of tickets."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import support as jobs
from models.events import Event
from models.identity import Actor
from models.orders import Order
from models.support import Ticket, TicketCategory, TicketMessage, TicketPriority, TicketStatus
from services.core.problems import DomainError
from services.events.event_log import ticket_stream
from services.support import ticket_queries, tickets
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies
from tests.support.tickets import (
    create_agent,
    customer_of,
    open_ticket_as,
    run_step,
)


async def _read_assigned_pages(database: Database, support: Actor) -> list[Ticket]:
    """Read the tickets assigned to the agent, one ticket a page."""
    tickets_read: list[Ticket] = []
    cursor = None
    while True:
        query = ticket_queries.TicketQueueQuery(1, cursor, assigned_to_me=True)
        async with database.read(support.scope()) as session:
            page = await ticket_queries.list_queue(session, actor=support, query=query)
        tickets_read += page.nodes
        cursor = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            return tickets_read


async def test_the_queue_is_ordered_by_priority_and_paged(
    dependencies: OrderDependencies, city: City, order: Order
) -> None:
    database, support = dependencies.database, await create_agent(dependencies.database, city)
    customer = customer_of(order)
    kinds = (TicketCategory.LATE, TicketCategory.PAYMENT, TicketCategory.OTHER)
    opened = [await open_ticket_as(database, customer, order, kind) for kind in kinds]
    ranks = (TicketPriority.NORMAL, TicketPriority.HIGH, TicketPriority.URGENT)
    for ticket, priority in zip(opened, ranks, strict=True):
        await run_step(database, support, ticket, tickets.assign, priority=priority)
    assigned = await _read_assigned_pages(database, support)
    assert [row.id for row in assigned] == [row.id for row in reversed(opened)]
    for ticket in opened[:2]:
        await run_step(database, support, ticket, tickets.resolve, resolution="Done.")
    async with database.read(support.scope()) as session:
        resolved = await ticket_queries.list_queue(
            session,
            actor=support,
            query=ticket_queries.TicketQueueQuery(9, status=TicketStatus.RESOLVED),
        )
        own = await ticket_queries.list_of_customer(session, actor=support, first=9, cursor=None)
        with pytest.raises(DomainError, match="no such company"):
            await ticket_queries.list_queue(
                session,
                actor=support,
                query=ticket_queries.TicketQueueQuery(9, company_id=city.second.id),
            )
    assert [row.id for row in resolved.nodes] == [opened[1].id, opened[0].id]
    assert own.nodes == []
    async with database.read(customer.scope()) as session:
        own = await ticket_queries.list_of_customer(
            session, actor=customer, first=2, cursor=None, order_id=order.id
        )
    assert [row.id for row in own.nodes] == [opened[2].id, opened[1].id]


async def test_a_ticket_without_a_customer_reply_for_a_week_is_resolved(
    database: Database, city: City, order: Order
) -> None:
    support = await create_agent(database, city)
    abandoned, unanswered = [
        await open_ticket_as(database, customer_of(order), order) for _ in range(2)
    ]
    await run_step(database, support, abandoned, tickets.reply, body="Which milk?")
    await jobs.close_silent_tickets(database)  # those that other tests left
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(TicketMessage)
            .where(TicketMessage.ticket_id.in_([abandoned.id, unanswered.id]))
            .values(sent_at=func.now() - timedelta(days=8))
        )
    await jobs.close_silent_tickets(database)
    async with database.read(PLATFORM) as session:
        assert (await session.get_one(Ticket, abandoned.id)).status is TicketStatus.RESOLVED
        assert (await session.get_one(Ticket, unanswered.id)).status is TicketStatus.OPEN


async def test_unanswered_tickets_are_escalated(
    database: Database, city: City, order: Order
) -> None:
    support = await create_agent(database, city)
    await jobs.escalate_unanswered_tickets(database)  # those that other tests left
    unanswered, answered, new = [
        await open_ticket_as(database, customer_of(order), order) for _ in range(3)
    ]
    await run_step(database, support, answered, tickets.reply, body="Which milk?")
    for priority, minutes in ((TicketPriority.HIGH, 11), (TicketPriority.URGENT, 31)):
        async with database.write(PLATFORM, ORIGIN) as session:
            opened_at = func.now() - timedelta(minutes=minutes)
            changes = {"opened_at": opened_at, "priority": TicketPriority.NORMAL}
            older_tickets = Ticket.id.in_([unanswered.id, answered.id])
            await session.execute(update(Ticket).where(older_tickets).values(changes))
        assert await jobs.escalate_unanswered_tickets(database) == 1
        assert await jobs.escalate_unanswered_tickets(database) == 0
        async with database.read(PLATFORM) as session:
            assert (await session.get_one(Ticket, unanswered.id)).priority is priority
            assert (await session.get_one(Ticket, answered.id)).priority is TicketPriority.NORMAL
            assert (await session.get_one(Ticket, new.id)).version == new.version
    assert (await _event_types(database, ticket_stream(unanswered.id)))[-1] == "TICKET_RAISED"


async def _event_types(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))
