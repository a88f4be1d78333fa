"""Orders whose events are followed."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from database.audit import AuditContext
from database.scope import PLATFORM
from models.events import OrderEventKind
from models.ids import encode_id
from models.orders import Order
from resolvers.context import Container
from services.events.event_log import record_order_event
from services.orders import order_locks
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.customers import order_request
from tests.support.streams.subscriber import GraphSubscription, subscribe
from workflows.checkout import place_order

ORIGIN = AuditContext("test:order")


async def place_test_order(customer: ActorClient, city: City) -> Order:
    """Place an order, which records its first event."""
    placed = await place_order.place(
        customer.container, actor=customer.actor, origin=ORIGIN, order_request=order_request(city)
    )
    return placed.order


async def record_order_events(container: Container, order: Order, *types: OrderEventKind) -> None:
    """Record events of an order in one transaction."""
    async with container.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        for event_type in types:
            record_order_event(session, locked, event_type)


def subscribe_order(
    who: ActorClient, order: Order, after: str | None = None, **more: Any
) -> AbstractAsyncContextManager[GraphSubscription]:
    """Subscribe to an order as an actor."""
    return subscribe(who, "order_tracked", orderId=encode_id(Order, order.id), after=after, **more)
