"""What an agent has to see to, in which order, and what happens when nobody does."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import support as jobs
from models.events import Event
from models.orders import Order
from models.support import Ticket, TicketKind, TicketMessage, TicketPriority, TicketStatus
from services.core.problems import Refused
from services.events.event_log import ticket_stream
from services.support import ticket_queries, tickets
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, opened
from tests.support.tickets import act, agent, buyer, charged, opened_by


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


@pytest.fixture
async def order(doors: Doors, city: City) -> Order:
    return await charged(doors, city)


async def test_the_queue_shows_the_urgent_ones_first_and_ends(
    doors: Doors, city: City, order: Order
) -> None:
    database, support = doors.database, await agent(doors.database, city)
    customer = buyer(order)
    kinds = (TicketKind.LATE, TicketKind.PAYMENT, TicketKind.OTHER)
    made = [await opened_by(database, customer, order, kind) for kind in kinds]
    ranks = (TicketPriority.NORMAL, TicketPriority.HIGH, TicketPriority.URGENT)
    for ticket, priority in zip(made, ranks, strict=True):
        await act(database, support, ticket, tickets.assign, priority=priority)
    seen: list[Ticket] = []
    cursor = None
    while True:
        async with database.read(support.scope()) as session:
            page = await ticket_queries.queue(
                session, actor=support, asked=ticket_queries.Asked(1, cursor, mine=True)
            )
        seen += page.nodes
        cursor = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            break
    assert [row.id for row in seen] == [row.id for row in reversed(made)]
    for ticket in made[:2]:
        await act(database, support, ticket, tickets.resolve, resolution="Done.")
    async with database.read(support.scope()) as session:
        resolved = await ticket_queries.queue(
            session, actor=support, asked=ticket_queries.Asked(9, status=TicketStatus.RESOLVED)
        )
        own = await ticket_queries.of_customer(session, actor=support, first=9, cursor=None)
        with pytest.raises(Refused, match="no such company"):
            await ticket_queries.queue(
                session, actor=support, asked=ticket_queries.Asked(9, company_id=city.second.id)
            )
    assert [row.id for row in resolved.nodes] == [made[1].id, made[0].id]
    assert own.nodes == []
    async with database.read(customer.scope()) as session:
        own = await ticket_queries.of_customer(
            session, actor=customer, first=2, cursor=None, order_id=order.id
        )
    assert [row.id for row in own.nodes] == [made[2].id, made[1].id]


async def test_a_week_of_silence_ends_a_ticket_that_waits_for_its_customer(
    database: Database, city: City, order: Order
) -> None:
    support = await agent(database, city)
    silent, ours = [await opened_by(database, buyer(order), order) for _ in range(2)]
    await act(database, support, silent, tickets.reply, body="Which milk?")
    assert await jobs.close_silent(database) == 0
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(TicketMessage)
            .where(TicketMessage.ticket_id.in_([silent.id, ours.id]))
            .values(at=func.now() - timedelta(days=8))
        )
    assert await jobs.close_silent(database) == 1
    async with database.read(PLATFORM) as session:
        assert (await session.get_one(Ticket, silent.id)).status is TicketStatus.RESOLVED
        assert (await session.get_one(Ticket, ours.id)).status is TicketStatus.OPEN


async def test_a_ticket_that_nobody_answers_becomes_urgent(
    database: Database, city: City, order: Order
) -> None:
    support = await agent(database, city)
    late, answered, young = [await opened_by(database, buyer(order), order) for _ in range(3)]
    await act(database, support, answered, tickets.reply, body="Which milk?")
    for priority, minutes in ((TicketPriority.HIGH, 11), (TicketPriority.URGENT, 31)):
        async with database.write(PLATFORM, ORIGIN) as session:
            opened_at = func.now() - timedelta(minutes=minutes)
            changes = {"opened_at": opened_at, "priority": TicketPriority.NORMAL}
            both = Ticket.id.in_([late.id, answered.id])
            await session.execute(update(Ticket).where(both).values(changes))
        assert await jobs.raise_unanswered(database) == 1
        assert await jobs.raise_unanswered(database) == 0
        async with database.read(PLATFORM) as session:
            assert (await session.get_one(Ticket, late.id)).priority is priority
            assert (await session.get_one(Ticket, answered.id)).priority is TicketPriority.NORMAL
            assert (await session.get_one(Ticket, young.id)).version == young.version
    assert (await _told(database, ticket_stream(late.id)))[-1] == "TICKET_RAISED"


async def _told(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))
