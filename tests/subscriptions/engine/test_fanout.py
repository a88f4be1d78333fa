"""Fan-out groups: equal subscriptions share answers; slow or refused members leave the group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from database.scope import PLATFORM
from execution import Answer
from execution.planning.plan import ExecutionPlan
from models.events import OrderEventKind
from models.identity import SignInSession
from models.ids import encode_id
from models.orders import Order
from resolvers.context import Container
from subscriptions.engine import access_monitor
from subscriptions.engine.hub import Hub
from tests.support.actors import ActorClient, create_client, engine
from tests.support.city import City
from tests.support.streams.orders import ORIGIN, place_test_order, record_order_events
from tests.support.waiting import until

TRACK = """subscription ($id: ID!, $after: String) {
  orderTracked(orderId: $id, after: $after) { kind cursor event { type } order { code } }
}"""
OTHER = TRACK.replace("{ code }", "{ id status }")
READERS = 6


@dataclass
class Reader:
    """A client that receives answers in its loop and by its sink, unless its buffer is full."""

    messages: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    is_full: bool = False
    sink_count: int = 0

    def sink(self, answer: Answer) -> bool:
        if self.is_full:
            return False
        self.sink_count += 1
        self.take(answer)
        return True

    def take(self, answer: Answer) -> None:
        if answer.errors:
            self.errors.extend(
                (error.get("extensions") or {}).get("code") for error in answer.errors
            )
        else:
            self.messages.extend(answer.data.values())

    @property
    def events(self) -> list[str]:
        return [message["event"]["type"] for message in self.messages if message["kind"] == "EVENT"]

    async def read(self, who: ActorClient, document: str, variables: dict[str, Any]) -> None:
        prepared = engine().prepare(document)
        assert not isinstance(prepared, Answer), prepared.errors
        async for answer in engine().subscribe(prepared, variables, who.context(), self.sink):
            await until(lambda: not self.is_full, what="room in the reader's buffer")
            self.take(answer)


@asynccontextmanager
async def open_reader(
    who: ActorClient, order: Order, document: str = TRACK, after: str | None = None
) -> AsyncIterator[Reader]:
    """Run a reader of an order's events that has received its first message."""
    reader = Reader()
    variables = {"id": encode_id(Order, order.id), "after": after}
    task = asyncio.create_task(reader.read(who, document, variables))
    try:
        await until(lambda: bool(reader.messages or after))
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def hub_of(container: Container) -> Hub:
    assert isinstance(container.streams, Hub)
    return container.streams


@pytest.fixture
async def order(customer: ActorClient, shared_city: City) -> Order:
    return await place_test_order(customer, shared_city)


@asynccontextmanager
async def grouped_readers(
    who: ActorClient, order: Order, document: str = TRACK, count: int = READERS
) -> AsyncIterator[list[Reader]]:
    """Run `count` readers that are members of one fan-out group."""
    async with asyncio.TaskGroup() as group:
        contexts = [open_reader(who, order, document) for _ in range(count)]
        readers = [await group.create_task(context.__aenter__()) for context in contexts]
    hub = hub_of(who.container)
    # A reader joins the group at its next message.
    await record_order_events(who.container, order, OrderEventKind.PICKING_STARTED)
    await until(lambda: hub.fanout_groups.member_count >= count)
    try:
        yield readers
    finally:
        for context in contexts:
            await context.__aexit__(None, None, None)
        await until(lambda: len(hub.fanout_groups) == 0)
        assert not hub.fanout_groups._subscription_counts
        assert not hub._listeners


async def test_an_event_is_answered_once_and_reaches_every_sink(
    customer: ActorClient, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    run = ExecutionPlan.run

    async def record_run(plan: ExecutionPlan, *rest: Any) -> Any:
        runs.append(plan)
        return await run(plan, *rest)

    async with grouped_readers(customer, order) as readers:
        monkeypatch.setattr(ExecutionPlan, "run", record_run)
        for _ in range(5):
            await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        await until(lambda: all(len(reader.events) == 6 for reader in readers))
        assert len(runs) == 5
        assert all(reader.sink_count >= 5 for reader in readers)
        cursors = [
            tuple(message["cursor"] for message in reader.messages[1:]) for reader in readers
        ]
        assert len(set(cursors)) == 1


async def test_members_with_other_fields_receive_their_own_answers(
    customer: ActorClient, order: Order
) -> None:
    async with (
        grouped_readers(customer, order) as readers,
        open_reader(customer, order, OTHER) as other,
    ):
        await until(lambda: hub_of(customer.container).fanout_groups.member_count == READERS + 1)
        await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        await until(lambda: bool(other.events) and len(readers[0].events) == 2)
        assert set(other.messages[-1]["order"]) == {"id", "status"}
        assert set(readers[0].messages[-1]["order"]) == {"code"}


async def test_a_full_member_catches_up_alone_without_delaying_the_others(
    customer: ActorClient, order: Order
) -> None:
    async with grouped_readers(customer, order) as readers:
        slow = readers[0]
        slow.is_full = True
        for _ in range(30):
            await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        await until(lambda: all(len(reader.events) == 31 for reader in readers[1:]))
        assert len(slow.events) == 1
        assert hub_of(customer.container).fanout_groups.member_count == READERS - 1
        slow.is_full = False
        await until(lambda: len(slow.events) == 31)
        assert [message["cursor"] for message in slow.messages[1:]] == [
            message["cursor"] for message in readers[1].messages[1:]
        ]
        await until(lambda: hub_of(customer.container).fanout_groups.member_count == READERS)


async def test_a_subscription_with_a_cursor_catches_up_and_then_joins_the_group(
    customer: ActorClient, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.engine.fanout.RECENT_EVENT_SECONDS", 0)
    async with grouped_readers(customer, order) as readers:
        cursor = readers[0].messages[-1]["cursor"]
        for _ in range(3):
            await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        async with open_reader(customer, order, after=cursor) as late:
            await until(lambda: len(late.events) == 3)
            await until(
                lambda: hub_of(customer.container).fanout_groups.member_count == READERS + 1
            )
            await record_order_events(customer.container, order, OrderEventKind.FULFILLMENT_PACKED)
            await until(lambda: len(late.events) == 4)
            assert late.messages == readers[0].messages[-4:]
            assert late.sink_count == 1


async def test_signing_out_ends_only_the_own_stream_in_a_group(
    container: Container, customer: ActorClient, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "SESSION_CHECK_SECONDS", 0.2)
    other_device = await create_client(
        container, "", *customer.actor.grants, person_id=customer.actor.person_id
    )
    async with (
        grouped_readers(customer, order) as readers,
        open_reader(other_device, order) as revoked,
    ):
        await until(lambda: hub_of(container).fanout_groups.member_count == READERS + 1)
        async with container.database.write(PLATFORM, ORIGIN) as session:
            sign_in = await session.get_one(SignInSession, other_device.actor.session_id)
            sign_in.revoked_at = sign_in.created_at
        await until(lambda: revoked.errors == ["UNAUTHENTICATED"])
        await record_order_events(container, order, OrderEventKind.LINE_PICKED)
        await until(lambda: all(len(reader.events) == 2 for reader in readers))
        assert not revoked.events


async def test_a_failing_answer_ends_the_group_and_each_member_meets_it_alone(
    customer: ActorClient, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with grouped_readers(customer, order) as readers:
        run = ExecutionPlan.run

        async def broken(plan: ExecutionPlan, *rest: Any) -> Any:
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr(ExecutionPlan, "run", broken)
        await record_order_events(customer.container, order, OrderEventKind.LINE_PICKED)
        await until(lambda: all(reader.errors for reader in readers))
        monkeypatch.setattr(ExecutionPlan, "run", run)
        assert hub_of(customer.container).fanout_groups.member_count == 0
