"""What the customer of an order reads of the cases that the system opens about it: nothing."""

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event, OrderEventKind
from models.ids import encode_id
from models.orders import Order
from models.support import TicketCategory
from services.events.event_log import order_stream
from services.integrations.webhook_events import find_topic
from services.orders import order_locks, support_cases
from services.support import tickets
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.streams.orders import (
    ORIGIN,
    place_test_order,
    record_order_events,
    subscribe_order,
)
from tests.support.tickets import create_agent, resolve_cases, run_step

TIMELINE = "query ($id: ID!) { order(id: $id) { timeline(first: 50) { nodes { type } } } }"


async def test_the_customer_reads_no_event_of_a_case(
    customer: ActorClient, shared_city: City
) -> None:
    """A rider is silent; an agent takes the case and resolves it, and another one
    with it. The customer was told that a ticket was resolved that they never opened.
    """
    database = customer.container.database
    order = await place_test_order(customer, shared_city)
    agent = await create_agent(database, shared_city)
    async with subscribe_order(customer, order) as subscription:
        assert (await subscription.next_message())["kind"] == "SNAPSHOT"
        async with database.write(PLATFORM, ORIGIN) as session:
            locked = await order_locks.lock(session, order.id)
            kind, subject = TicketCategory.RIDER_SILENT, "The rider has the bags"
            case, _ = await support_cases.open_case(session, locked, kind, subject)
            await support_cases.open_case(session, locked, TicketCategory.NO_RIDER, "No rider")
        await run_step(database, agent, case, tickets.assign)
        await resolve_cases(database, shared_city, order)
        await record_order_events(customer.container, order, OrderEventKind.PICKING_STARTED)
        message = await subscription.next_message()
        assert message["event"]["type"] == OrderEventKind.PICKING_STARTED
    answer = await customer.run(TIMELINE, {"id": encode_id(Order, order.id)})
    seen = [node["type"] for node in answer["order"]["timeline"]["nodes"]]
    assert [each for each in seen if each.startswith("TICKET")] == []
    assert [each for each in await types_of_webhooks(database, order) if "TICKET" in each] == []


async def types_of_webhooks(database: Database, order: Order) -> list[str]:
    """The types of an order's events that webhooks can carry."""
    async with database.read(PLATFORM) as session:
        query = select(Event.stream, Event.type).where(
            Event.body["order_id"].astext == str(order.id)
        )
        rows = [tuple(row) for row in await session.execute(query)]
    assert (order_stream(order.id), OrderEventKind.PICKING_STARTED) in rows
    return [name for stream, name in rows if find_topic(stream, name) is not None]
