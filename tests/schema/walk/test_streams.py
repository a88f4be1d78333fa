"""Every stream, for everybody: the first message, what follows, and what ends with a right.

Each person subscribes to each stream of each situation; then something happens in every stream.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import func, update

from database.audit import AuditContext
from database.scope import PLATFORM
from execution import Answer
from models.accounts import Membership
from models.alerts import StockAlert
from models.catalog import Product
from models.delivery import Delivery, DeliveryOffer
from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.identity import Grant, Role
from models.imports import StockImport
from models.orders import Order
from models.riders import Rider
from models.stock import StockLevel
from models.stores import Store
from models.support import Ticket, TicketMessage
from resolvers.context import Container
from resolvers.rules import rule_of
from services.events import event_log
from services.stock.stock_writer import publish_stock_changed
from subscriptions.engine import access_monitor
from tests.support.actors import ActorClient, create_client
from tests.support.order_rows import Keys
from tests.support.walk.graph_walk import SHAPE, GraphWalk, walking_engine
from tests.support.walk.marks import violations
from tests.support.walk.parties import World
from tests.support.walk.share import PART, share
from tests.support.walk.walked_world import ids_of

pytestmark = pytest.mark.timeout(900)
assert SHAPE.subscription_type is not None
STREAMS = SHAPE.subscription_type.fields
MESSAGE_SECONDS = 120.0
QUIET_SECONDS = 1.0
MAX_ROUNDS = 120
REFUSED = {"FORBIDDEN", "UNAUTHENTICATED", "NOT_FOUND"}


@dataclass
class Subscriber:
    """One person's subscription; `answers` are those that have come."""

    who: str
    actor: Any
    source: AsyncGenerator[Answer, None]
    answers: list[Answer] = field(default_factory=list)

    async def next(self, seconds: float = MESSAGE_SECONDS) -> Answer:
        async with asyncio.timeout(seconds):
            self.answers.append(await anext(self.source))
        return self.answers[-1]

    async def follow(self, told: asyncio.Event) -> None:
        """Take what comes, until somebody was told of an event and nothing more has come."""
        waiting = asyncio.ensure_future(anext(self.source))
        try:
            for _ in range(MAX_ROUNDS):
                done, _pending = await asyncio.wait({waiting}, timeout=QUIET_SECONDS)
                if done:
                    self.answers.append(waiting.result())
                    told.set()
                    waiting = asyncio.ensure_future(anext(self.source))
                elif told.is_set():
                    return
        except StopAsyncIteration:
            return
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    @property
    def codes(self) -> set[str]:
        return {one["extensions"]["code"] for one in self.answers[-1].errors or []}


@asynccontextmanager
async def subscribed(
    world: World, name: str, keys: Keys, people: dict[str, ActorClient]
) -> AsyncIterator[list[Subscriber]]:
    """Those of the people who were let in, with their first message."""
    walk, engine = GraphWalk(), walking_engine()
    prepared = engine.prepare(walk.document("subscription", name))
    assert not isinstance(prepared, Answer), prepared.errors
    let_in = []
    async with AsyncExitStack() as stack:
        for who, client in people.items():
            answers = engine.subscribe(prepared, walk.variables(ids_of(keys)), client.context())
            source = await stack.enter_async_context(aclosing(answers))
            one = Subscriber(who, client.actor, source)
            first = await one.next()
            if first.data is None:
                assert one.codes <= REFUSED, (name, who, first.errors)
            else:
                let_in.append(one)
        yield let_in


def found_in(world: World, name: str, place: str, people: list[Subscriber]) -> set[Any]:
    """What the answers of some subscribers show against a rule."""
    return {
        (*shown, one.who, f"{name} {place}")
        for one in people
        for answer in one.answers
        for shown in violations(world, one.actor, answer.data)
    }


async def record_everywhere(world: World, keys: Keys) -> None:
    """Record an event in each stream that is about these rows, with all of their ids."""
    order, rider = world.rows[Order][keys[Order]], world.rows[Rider][keys[Rider]]
    body = {
        "order_id": order.id, "fulfillment_id": keys[Fulfillment], "alert_id": keys[StockAlert],
        "delivery_id": keys[Delivery], "offer_id": keys[DeliveryOffer], "ticket_id": keys[Ticket],
        "message_id": keys[TicketMessage],
    }  # fmt: skip
    streams = (
        event_log.order_stream(order.id), event_log.store_queue_stream(keys[Store]),
        event_log.store_queue_stream(order.store_id), event_log.alert_stream(keys[Store]),
        event_log.rider_stream(rider.id), event_log.ticket_stream(keys[Ticket]),
        event_log.support_stream(order.company_id), event_log.support_stream(None),
        event_log.import_stream(keys[StockImport]),
    )  # fmt: skip
    database = world.clients["nobody"].container.database
    async with database.write(PLATFORM, AuditContext("test:walk")) as session:
        for stream in dict.fromkeys(streams):
            event_log.record_event(
                session, stream, OrderEventKind.ORDER_CONFIRMED, body, company_id=order.company_id
            )
        place = {"store_id": keys[Store], "product_id": keys[Product]}
        stock = await session.get_one(StockLevel, place)
        stock.version += 1
        publish_stock_changed(session, [stock])


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_shows_its_rows_to_their_parties_alone(name: str, world: World) -> None:
    """Own and foreign ids: what is not refused at once shows nothing foreign, then and later."""
    people = {
        place: {who: world.clients[who] for who in share(name, world.clients, turn, 2 * PART)}
        for turn, place in enumerate(world.places)
    }
    shown, informed = await follow(world, name, people)
    assert not shown, "\n".join(map(str, sorted(shown)))
    assert informed, "nobody was told of any event"


async def follow(
    world: World, name: str, people: dict[str, dict[str, ActorClient]]
) -> tuple[set[Any], int]:
    """What people are shown against a rule, and how many were told of an event; by situation."""
    let_in: dict[str, list[Subscriber]] = {}
    async with AsyncExitStack() as stack:
        for place, clients in people.items():
            one = subscribed(world, name, world.places[place], clients)
            let_in[place] = await stack.enter_async_context(one)
        for place in people:
            await record_everywhere(world, world.places[place])
        told = asyncio.Event()
        await asyncio.gather(*(one.follow(told) for some in let_in.values() for one in some))
        informed = sum(len(one.answers) > 1 for some in let_in.values() for one in some)
        found = [found_in(world, name, place, some) for place, some in let_in.items()]
        return set().union(*found), informed


@pytest.mark.parametrize("name", ["orderTracked", "storeQueueChanged"])
async def test_a_store_that_loses_an_order_in_the_middle_is_told_no_more_of_it(
    name: str, world: World
) -> None:
    """The order moves to the next store while the people of the first one follow it."""
    keys = world.places["here"]
    before = world.city.near.id
    async with subscribed(world, name, keys, world.clients) as let_in:
        try:
            await move(world, keys, world.city.next.id)
            for one in let_in:
                one.answers.clear()
            await record_everywhere(world, keys)
            told = asyncio.Event()
            await asyncio.gather(*(one.follow(told) for one in let_in))
            shown = found_in(world, name, "moved", let_in)
        finally:
            await move(world, keys, before)
    assert not shown, "\n".join(map(str, sorted(shown)))


async def move(world: World, keys: Keys, store_id: Any) -> None:
    database = world.clients["nobody"].container.database
    async with database.write(PLATFORM, AuditContext("test:walk")) as session:
        own = Order.id == keys[Order]
        await session.execute(update(Order).where(own).values(store_id=store_id))
    async with database.read(PLATFORM) as session:
        world.rows[Order][keys[Order]] = await session.get_one(Order, keys[Order])


STAFF = {
    "staff": (Role.STORE_STAFF, True), "manager": (Role.STORE_MANAGER, True),
    "admin": (Role.COMPANY_ADMIN, False), "agent": (Role.SUPPORT_AGENT, False),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_ends_in_the_middle_with_the_role_that_opened_it(
    name: str, world: World, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each role whose owner was let in. They stay customers, for whom a public stream may go on."""
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    company, store = world.city.company.id, world.city.near.id
    buys, people = Grant(Role.CUSTOMER), {}
    for who, (role, at_store) in STAFF.items():
        grant = Grant(role, company, store if at_store else None)
        people[who] = await create_client(container, who, buys, grant)
    people["super admin"] = await create_client(container, "s", buys, Grant(Role.SUPER_ADMIN))
    is_public = (rule := rule_of(STREAMS[name])) is not None and rule.anonymous
    async with subscribed(world, name, world.places["here"], people) as let_in:
        async with container.database.write(PLATFORM, AuditContext("test:walk")) as session:
            theirs = Membership.person_id.in_([client.id for client in people.values()])
            staff = update(Membership).where(theirs, Membership.role != Role.CUSTOMER)
            await session.execute(staff.values(revoked_at=func.now()))
        for one in let_in:
            try:
                await one.next(2.0 if is_public else MESSAGE_SECONDS)
            except TimeoutError:
                assert is_public, one.who
                continue
            assert one.codes & REFUSED, (one.who, one.answers[-1])
            assert one.answers[-1].data is None
