"""A stream ends with a role that it needs, and with no other."""

import asyncio

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from models.accounts import Membership
from models.events import OrderEventKind
from models.identity import Grant, Role
from resolvers.context import Container
from subscriptions.engine import access_monitor
from tests.support.actors import create_client
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.streams.orders import place_test_order, record_order_events, subscribe_order


async def test_losing_another_role_does_not_end_the_stream(
    container: Container, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who orders, and works elsewhere, goes on tracking the order when dismissed."""
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    elsewhere = Grant(
        Role.STORE_STAFF, shared_city.second.company.id, shared_city.second.stores[0].id
    )
    buyer = await create_client(container, "Buyer", Grant(Role.CUSTOMER), elsewhere)
    order = await place_test_order(buyer, shared_city)
    async with subscribe_order(buyer, order) as subscription:
        await subscription.next_message()
        async with container.database.write(PLATFORM, ORIGIN) as session:
            lost = (Membership.person_id == buyer.id, Membership.role == Role.STORE_STAFF)
            await session.execute(update(Membership).where(*lost).values(revoked_at=func.now()))
        await asyncio.sleep(1.5)
        await record_order_events(container, order, OrderEventKind.ORDER_PLACED)
        assert (await subscription.next_message())["kind"] == "EVENT"
