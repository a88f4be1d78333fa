"""The stream of one order: snapshots, events, cursors, positions and access."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from models.accounts import Membership
from models.events import OrderEventKind
from models.identity import Grant, Role, SignInSession
from models.ids import encode_id
from models.orders import Order
from resolvers.context import Container
from services.events.event_log import order_stream, record_order_event
from services.orders import order_locks, order_states
from subscriptions.engine import access_monitor
from subscriptions.engine.event_log_reader import EventsExpired
from subscriptions.engine.hub import Hub
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.server.databases import superuser
from tests.support.streams.orders import (
    ORIGIN,
    place_test_order,
    record_order_events,
    subscribe_order,
)
from tests.support.streams.subscriber import GraphSubscription, subscribe

CUTS = 50
PICKING = (OrderEventKind.PICKING_STARTED, OrderEventKind.LINE_PICKED)


async def test_the_first_message_is_a_snapshot_and_each_event_follows_in_order(
    customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(customer, order) as subscription:
        snapshot = await subscription.next_message()
        assert snapshot["kind"] == "SNAPSHOT"
        assert snapshot["event"] is None
        assert snapshot["order"]["code"] == order.code
        assert snapshot["order"]["stage"] == "AWAITING_PAYMENT"
        await record_order_events(customer.container, order, *PICKING)
        await record_order_events(customer.container, order, OrderEventKind.FULFILLMENT_PACKED)
        events = [await subscription.next_message() for _ in range(3)]
    assert [message["kind"] for message in events] == ["EVENT"] * 3
    assert [message["event"]["type"] for message in events] == [
        "PICKING_STARTED", "LINE_PICKED", "FULFILLMENT_PACKED",
    ]  # fmt: skip
    assert len({message["cursor"] for message in (snapshot, *events)}) == 4


async def test_each_message_shows_the_current_order(
    customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(customer, order) as subscription:
        assert (await subscription.next_message())["order"]["status"] == "PLACED"
        async with customer.container.database.write(PLATFORM, ORIGIN) as session:
            await order_states.mark_confirmed(session, await order_locks.lock(session, order.id))
        assert (await subscription.next_of_type("ORDER_CONFIRMED"))["order"][
            "status"
        ] == "CONFIRMED"


async def test_a_cursor_resumes_with_exactly_the_events_after_it(
    customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(customer, order) as subscription:
        snapshot = await subscription.next_message()
    await record_order_events(customer.container, order, *PICKING)
    async with subscribe_order(customer, order, snapshot["cursor"]) as subscription:
        first = await subscription.next_message()
        assert (first["kind"], first["event"]["type"]) == ("EVENT", "PICKING_STARTED")
    async with subscribe_order(customer, order, first["cursor"]) as subscription:
        assert (await subscription.next_message())["event"]["type"] == "LINE_PICKED"
    async with subscribe_order(customer, order, last_event_id=first["cursor"]) as subscription:
        assert (await subscription.next_message())["event"]["type"] == "LINE_PICKED"


async def test_a_timeline_cursor_resumes_the_stream_and_the_timeline(
    customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    await record_order_events(customer.container, order, *PICKING)
    query = """query ($id: ID!, $after: String) { order(id: $id) {
      timeline(first: 50, after: $after) {
        edges { cursor node { cursor type } } pageInfo { endCursor } } } }"""
    variables = {"id": encode_id(Order, order.id)}
    timeline = (await customer.run(query, variables))["order"]["timeline"]
    nodes = [edge["node"] for edge in timeline["edges"]]
    assert [edge["cursor"] for edge in timeline["edges"]] == [node["cursor"] for node in nodes]
    for node, following in pairwise(nodes):
        async with subscribe_order(customer, order, node["cursor"]) as subscription:
            message = await subscription.next_message()
            assert (message["kind"], message["event"]["type"]) == ("EVENT", following["type"])
            assert message["cursor"] == following["cursor"]
        rest = (await customer.run(query, variables | {"after": node["cursor"]}))["order"][
            "timeline"
        ]
        assert rest["edges"][0]["node"] == following
        assert rest["pageInfo"] == timeline["pageInfo"]


async def test_a_subscription_behind_the_log_gets_a_new_snapshot(
    customer: ActorClient, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, hub = await place_test_order(customer, shared_city), customer.container.streams
    assert isinstance(hub, Hub)
    async with subscribe_order(customer, order) as subscription:
        await subscription.next_message()
        await record_order_events(customer.container, order, OrderEventKind.PICKING_STARTED)
        await subscription.next_of_type("PICKING_STARTED")

        async def expired(stream: str, after: int) -> Any:
            raise EventsExpired(stream)

        with monkeypatch.context() as patch:
            patch.setattr(hub._log, "read_after", expired)
            hub._mark_all_lagging()
            message = await subscription.next_message()
            assert (message["kind"], message["event"]) == ("LAGGED", None)
        await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        assert (await subscription.next_message())["event"]["type"] == "LINE_PICKED"


async def test_a_stream_ends_when_its_order_is_no_longer_visible(
    customer: ActorClient, another_customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(customer, order) as subscription:
        assert (await subscription.next_message())["order"]["code"] == order.code
        async with customer.container.database.write(PLATFORM, ORIGIN) as session:
            locked = await order_locks.lock(session, order.id)
            locked.customer_id = another_customer.id
            record_order_event(session, locked, OrderEventKind.PICKING_STARTED)
        assert await subscription.final_error_code() == "NOT_FOUND"


async def test_a_client_cut_fifty_times_receives_every_event_once_in_order(
    customer: ActorClient, shared_city: City
) -> None:
    order, rng = await place_test_order(customer, shared_city), random.Random(7)
    async with subscribe_order(customer, order) as subscription:
        cursor = (await subscription.next_message())["cursor"]
    types = [rng.choice(list(OrderEventKind)) for _ in range(120)]

    async def write() -> None:
        for event_type in types:
            await record_order_events(customer.container, order, event_type)

    received: list[str] = []
    writing, cuts = asyncio.create_task(write()), 0
    while len(received) < len(types):
        async with subscribe_order(customer, order, cursor) as subscription:
            for message in await _read_some(
                subscription, rng.randint(0, 3 if cuts < CUTS else 200)
            ):
                received.append(message["event"]["type"])
                cursor = message["cursor"]
        cuts += 1
    await writing
    assert cuts >= CUTS
    assert received == types


async def _read_some(subscription: GraphSubscription, count: int) -> list[Any]:
    """Read up to `count` messages, fewer when none comes within a second."""
    try:
        for _ in range(count):
            await subscription.next_message(seconds=1)
    except TimeoutError:
        pass
    return subscription.messages


async def test_a_malformed_or_foreign_cursor_is_refused(
    customer: ActorClient, shared_city: City
) -> None:
    order, other = (
        await place_test_order(customer, shared_city),
        await place_test_order(customer, shared_city),
    )
    async with subscribe_order(customer, other) as subscription:
        foreign = (await subscription.next_message())["cursor"]
    for cursor in (foreign, "", "x", "W10", "WyJhIl0", "\x07", "bnVsbA", "9" * 9000):
        async with subscribe_order(customer, order, cursor) as subscription:
            assert await subscription.final_error_code() == "INVALID_INPUT"


async def test_a_cursor_that_does_not_match_the_log_gets_a_lagged_snapshot(
    customer: ActorClient, shared_city: City, database_url: str
) -> None:
    order = await place_test_order(customer, shared_city)
    await record_order_events(customer.container, order, *PICKING)
    async with subscribe_order(customer, order) as subscription:
        cursor = (await subscription.next_message())["cursor"]
    # As if the log had been restored from a backup: the event of that number is a different one.
    move_events = "update event set at = at + interval '1 second' where stream = $1"
    async with superuser(database_url) as connection:
        await connection.execute(move_events, order_stream(order.id))
    await record_order_events(customer.container, order, OrderEventKind.FULFILLMENT_PACKED)
    async with subscribe_order(customer, order, cursor) as subscription:
        lagged = await subscription.next_message()
        assert lagged["kind"] == "LAGGED"
        await record_order_events(customer.container, order, OrderEventKind.FULFILLMENT_STAGED)
        assert (await subscription.next_message())["event"]["type"] == "FULFILLMENT_STAGED"


@pytest.mark.parametrize(
    "user", ["another_customer", "other_company_manager", "rider"], indirect=True
)
async def test_another_customers_order_is_not_found(
    user: ActorClient, customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(user, order) as subscription:
        assert await subscription.final_error_code() == "NOT_FOUND"


async def test_an_unknown_order_is_not_found_and_anonymous_clients_must_sign_in(
    customer: ActorClient, nobody: ActorClient, shared_city: City
) -> None:
    async with subscribe(customer, "order_tracked", orderId="ord_nonsense") as subscription:
        assert await subscription.final_error_code() == "NOT_FOUND"
    async with subscribe_order(
        nobody, await place_test_order(customer, shared_city)
    ) as subscription:
        assert await subscription.final_error_code() == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "user", ["picker", "manager", "company_admin", "support_agent"], indirect=True
)
async def test_staff_of_the_orders_store_and_support_may_subscribe(
    user: ActorClient, customer: ActorClient, shared_city: City
) -> None:
    order = await place_test_order(customer, shared_city)
    async with subscribe_order(user, order) as subscription:
        assert (await subscription.next_message())["order"]["id"] == encode_id(Order, order.id)


async def test_the_riders_position_is_delivered(customer: ActorClient, shared_city: City) -> None:
    order, hub = await place_test_order(customer, shared_city), customer.container.streams
    async with subscribe_order(customer, order) as subscription:
        snapshot = await subscription.next_message()
        assert snapshot["riderLocation"] is None
        next_message = asyncio.create_task(subscription.next_message())
        await asyncio.sleep(0.1)
        position = {"latitude": 41.2, "longitude": -8.6, "recorded_at": "2026-11-21T11:00:00+00:00",
                 "eta_seconds": 70}  # fmt: skip
        await hub.publish_value(f"position:{order.id}", position)
        message = await next_message
    assert (message["kind"], message["cursor"]) == ("POSITION", snapshot["cursor"])
    assert message["riderLocation"]["latitude"] == 41.2
    assert message["dropoffEtaSeconds"] == 70


async def test_signing_out_ends_the_stream(
    container: Container, customer: ActorClient, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    order = await place_test_order(customer, shared_city)
    other_device = await create_client(
        container, "", *customer.actor.grants, person_id=customer.actor.person_id
    )
    async with subscribe_order(other_device, order) as subscription:
        await subscription.next_message()
        async with container.database.write(PLATFORM, ORIGIN) as session:
            sign_in = await session.get_one(SignInSession, other_device.actor.session_id)
            sign_in.revoked_at = sign_in.created_at
        container.authenticator.forget_sessions(sign_in.id)
        assert await subscription.final_error_code() == "UNAUTHENTICATED"


async def test_losing_the_role_ends_the_stream(
    container: Container, customer: ActorClient, shared_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    order = await place_test_order(customer, shared_city)
    former_staff = await create_client(
        container,
        "Former staff",
        Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id),
    )
    async with subscribe_order(former_staff, order) as subscription:
        await subscription.next_message()
        async with container.database.write(PLATFORM, ORIGIN) as session:
            own_roles = update(Membership).where(Membership.person_id == former_staff.id)
            await session.execute(own_roles.values(revoked_at=func.now()))
        assert await subscription.final_error_code() == "FORBIDDEN"
