"""An order, watched by those whom it concerns."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from database.sessions import Origin
from models.accounts import Membership
from models.events import EventType
from models.identity import Grant, Role, SignInSession
from models.ids import encode
from models.orders import Order
from resolvers.context import House
from services.events.event_log import order_happened, order_stream
from services.orders import orders
from subscriptions.engine import access_monitor
from subscriptions.engine.event_log_reader import Gone
from subscriptions.engine.hub import Hub
from tests.conftest import superuser
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.customers import wish
from tests.support.streams.subscriber import Line, watching
from workflows.checkout import place_order

ORIGIN = Origin("test:order")
CUTS = 50


async def placed(customer: Standing, town: City) -> Order:
    """An order of the customer's, of which the first event has happened."""
    made = await place_order.place(
        customer.house, actor=customer.actor, origin=ORIGIN, wish=wish(town)
    )
    return made.order


async def happen(house: House, order: Order, *types: EventType) -> None:
    async with house.database.write(PLATFORM, ORIGIN) as session:
        locked = await orders.lock(session, order.id)
        for one in types:
            order_happened(session, locked, one)


def tracking(who: Standing, order: Order, after: str | None = None, **more: Any) -> Any:
    return watching(who, "order_tracked", orderId=encode(Order, order.id), after=after, **more)


async def test_the_first_message_is_a_snapshot_and_then_comes_each_event_in_order(
    customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    async with tracking(customer, order) as line:
        snapshot = await line.next()
        assert snapshot["kind"] == "SNAPSHOT"
        assert snapshot["event"] is None
        assert snapshot["order"]["code"] == order.code
        assert snapshot["order"]["stage"] == "AWAITING_PAYMENT"
        await happen(customer.house, order, EventType.PICKING_STARTED, EventType.LINE_PICKED)
        await happen(customer.house, order, EventType.FULFILLMENT_PACKED)
        told = [await line.next() for _ in range(3)]
    assert [one["kind"] for one in told] == ["EVENT"] * 3
    assert [one["event"]["type"] for one in told] == [
        "PICKING_STARTED", "LINE_PICKED", "FULFILLMENT_PACKED",
    ]  # fmt: skip
    assert len({one["cursor"] for one in (snapshot, *told)}) == 4


async def test_the_order_in_a_message_is_read_anew_for_each(customer: Standing, town: City) -> None:
    order = await placed(customer, town)
    async with tracking(customer, order) as line:
        assert (await line.next())["order"]["status"] == "PLACED"
        async with customer.house.database.write(PLATFORM, ORIGIN) as session:
            await orders.mark_confirmed(session, await orders.lock(session, order.id))
        assert (await line.until("ORDER_CONFIRMED"))["order"]["status"] == "CONFIRMED"


async def test_with_a_cursor_exactly_the_events_after_it_follow(
    customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    async with tracking(customer, order) as line:
        snapshot = await line.next()
    await happen(customer.house, order, EventType.PICKING_STARTED, EventType.LINE_PICKED)
    async with tracking(customer, order, snapshot["cursor"]) as line:
        first = await line.next()
        assert (first["kind"], first["event"]["type"]) == ("EVENT", "PICKING_STARTED")
    async with tracking(customer, order, first["cursor"]) as line:
        assert (await line.next())["event"]["type"] == "LINE_PICKED"
    async with tracking(customer, order, last_event_id=first["cursor"]) as line:
        assert (await line.next())["event"]["type"] == "LINE_PICKED"


async def test_the_cursor_of_every_event_in_the_timeline_continues_the_stream_and_the_timeline(
    customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    await happen(customer.house, order, EventType.PICKING_STARTED, EventType.LINE_PICKED)
    written = """query ($id: ID!, $after: String) { order(id: $id) {
      timeline(first: 50, after: $after) {
        edges { cursor node { cursor type } } pageInfo { endCursor } } } }"""
    given = {"id": encode(Order, order.id)}
    timeline = (await customer.run(written, given))["order"]["timeline"]
    nodes = [edge["node"] for edge in timeline["edges"]]
    assert [edge["cursor"] for edge in timeline["edges"]] == [one["cursor"] for one in nodes]
    for here, following in pairwise(nodes):
        async with tracking(customer, order, here["cursor"]) as line:
            message = await line.next()
            assert (message["kind"], message["event"]["type"]) == ("EVENT", following["type"])
            assert message["cursor"] == following["cursor"]
        rest = (await customer.run(written, given | {"after": here["cursor"]}))["order"]["timeline"]
        assert rest["edges"][0]["node"] == following
        assert rest["pageInfo"] == timeline["pageInfo"]


async def test_who_lags_behind_what_the_log_still_holds_is_told_to_look_anew(
    customer: Standing, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, hub = await placed(customer, town), customer.house.streams
    assert isinstance(hub, Hub)
    async with tracking(customer, order) as line:
        await line.next()
        await happen(customer.house, order, EventType.PICKING_STARTED)
        await line.until("PICKING_STARTED")

        async def cut_off(stream: str, after: int) -> Any:
            raise Gone(stream)

        with monkeypatch.context() as patch:
            patch.setattr(hub._log, "beyond", cut_off)
            hub._wake_all()
            message = await line.next()
            assert (message["kind"], message["event"]) == ("LAGGED", None)
        await happen(customer.house, order, EventType.LINE_PICKED)
        assert (await line.next())["event"]["type"] == "LINE_PICKED"


async def test_a_stream_ends_when_its_order_is_out_of_sight(
    customer: Standing, another_customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    async with tracking(customer, order) as line:
        assert (await line.next())["order"]["code"] == order.code
        async with customer.house.database.write(PLATFORM, ORIGIN) as session:
            locked = await orders.lock(session, order.id)
            locked.customer_id = another_customer.id
            order_happened(session, locked, EventType.PICKING_STARTED)
        assert await line.refused() == "NOT_FOUND"


async def test_a_client_cut_fifty_times_sees_every_event_of_its_order_once_in_order(
    customer: Standing, town: City
) -> None:
    order, chance = await placed(customer, town), random.Random(7)
    async with tracking(customer, order) as line:
        cursor = (await line.next())["cursor"]
    kinds = [chance.choice(list(EventType)) for _ in range(120)]

    async def write() -> None:
        for kind in kinds:
            await happen(customer.house, order, kind)

    seen: list[str] = []
    writing, cuts = asyncio.create_task(write()), 0
    while len(seen) < len(kinds):
        async with tracking(customer, order, cursor) as line:
            for message in await _some(line, chance.randint(0, 3 if cuts < CUTS else 200)):
                seen.append(message["event"]["type"])
                cursor = message["cursor"]
        cuts += 1
    await writing
    assert cuts >= CUTS
    assert seen == kinds


async def _some(line: Line, count: int) -> list[Any]:
    """Up to so many messages, fewer when none comes for a moment."""
    try:
        for _ in range(count):
            await line.next(seconds=1)
    except TimeoutError:
        pass
    return line.seen


async def test_a_cursor_that_is_nonsense_or_of_another_order_is_a_clear_error(
    customer: Standing, town: City
) -> None:
    order, other = await placed(customer, town), await placed(customer, town)
    async with tracking(customer, other) as line:
        foreign = (await line.next())["cursor"]
    for cursor in (foreign, "", "x", "W10", "WyJhIl0", "\u0000", "bnVsbA", "9" * 9000):
        async with tracking(customer, order, cursor) as line:
            assert await line.refused() == "INVALID_INPUT"


async def test_a_cursor_that_the_log_can_no_longer_prove_gets_a_snapshot_that_says_so(
    customer: Standing, town: City, database_url: str
) -> None:
    order = await placed(customer, town)
    await happen(customer.house, order, EventType.PICKING_STARTED, EventType.LINE_PICKED)
    async with tracking(customer, order) as line:
        late = (await line.next())["cursor"]
    # As if the log had been restored from a backup: the event of that number is another one.
    moved = "update event set at = at + interval '1 second' where stream = $1"
    async with superuser(database_url) as connection:
        await connection.execute(moved, order_stream(order.id))
    await happen(customer.house, order, EventType.FULFILLMENT_PACKED)
    async with tracking(customer, order, late) as line:
        lagged = await line.next()
        assert lagged["kind"] == "LAGGED"
        await happen(customer.house, order, EventType.FULFILLMENT_STAGED)
        assert (await line.next())["event"]["type"] == "FULFILLMENT_STAGED"


@pytest.mark.parametrize(
    "somebody", ["another_customer", "other_company_manager", "rider"], indirect=True
)
async def test_somebody_elses_order_is_not_found(
    somebody: Standing, customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    async with tracking(somebody, order) as line:
        assert await line.refused() == "NOT_FOUND"


async def test_an_unknown_order_is_not_found_and_nobody_must_sign_in(
    customer: Standing, nobody: Standing, town: City
) -> None:
    async with watching(customer, "order_tracked", orderId="ord_nonsense") as line:
        assert await line.refused() == "NOT_FOUND"
    async with tracking(nobody, await placed(customer, town)) as line:
        assert await line.refused() == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "somebody", ["picker", "manager", "company_admin", "support_agent"], indirect=True
)
async def test_the_people_of_the_order_may_watch_it(
    somebody: Standing, customer: Standing, town: City
) -> None:
    order = await placed(customer, town)
    async with tracking(somebody, order) as line:
        assert (await line.next())["order"]["id"] == encode(Order, order.id)


async def test_the_riders_position_is_told_as_it_moves(customer: Standing, town: City) -> None:
    order, hub = await placed(customer, town), customer.house.streams
    async with tracking(customer, order) as line:
        snapshot = await line.next()
        assert snapshot["riderPosition"] is None
        told = asyncio.create_task(line.next())
        await asyncio.sleep(0.1)
        where = {"latitude": 41.2, "longitude": -8.6, "seen_at": "2026-11-21T11:00:00+00:00",
                 "eta_seconds": 70}  # fmt: skip
        await hub.tell(f"position:{order.id}", where)
        message = await told
    assert (message["kind"], message["cursor"]) == ("POSITION", snapshot["cursor"])
    assert message["riderPosition"]["latitude"] == 41.2
    assert message["riderEtaSeconds"] == 70


async def test_signing_out_ends_the_stream(
    house: House, customer: Standing, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "ADMIT_SECONDS", 0.2)
    order = await placed(customer, town)
    elsewhere = await stand(house, "", *customer.actor.grants, person_id=customer.actor.person_id)
    async with tracking(elsewhere, order) as line:
        await line.next()
        async with house.database.write(PLATFORM, ORIGIN) as session:
            device = await session.get_one(SignInSession, elsewhere.actor.session_id)
            device.revoked_at = device.created_at
        house.identity.forget(device.id)
        assert await line.refused() == "UNAUTHENTICATED"


async def test_losing_the_role_ends_the_stream(
    house: House, customer: Standing, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "ADMIT_SECONDS", 0.2)
    order = await placed(customer, town)
    fired = await stand(house, "Fired", Grant(Role.STORE_STAFF, town.company.id, town.near.id))
    async with tracking(fired, order) as line:
        await line.next()
        async with house.database.write(PLATFORM, ORIGIN) as session:
            mine = update(Membership).where(Membership.person_id == fired.id)
            await session.execute(mine.values(revoked_at=func.now()))
        assert await line.refused() == "FORBIDDEN"
