"""Those who stand together are told together; whoever can't keep up or may not stay walks alone."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Hint
from execution import Answer
from execution.fanout_port import Outlet
from execution.planning.plan import Plan
from models.events import EventType
from models.identity import SignInSession
from models.ids import encode
from models.orders import Order
from resolvers.context import House
from services.core.cursors import START, place_of
from subscriptions.engine import access_monitor
from subscriptions.engine.fanout import Walker
from subscriptions.engine.hub import Hub
from subscriptions.engine.stream_reader import Course, Step
from tests.subscriptions.orders.test_orders import ORIGIN, happen, placed
from tests.support.actors import Standing, engine, stand
from tests.support.city import City
from tests.support.streams.server_process import until

TRACK = """subscription ($id: ID!, $after: String) {
  orderTracked(orderId: $id, after: $after) { kind cursor event { type } order { code } }
}"""
OTHER = TRACK.replace("{ code }", "{ id status }")
LISTENERS = 6


@dataclass
class Reader:
    """A socket of sorts: takes answers in its loop and by its sink, unless it stands still."""

    seen: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    full: bool = False
    by_sink: int = 0

    def sink(self, answer: Answer) -> bool:
        if self.full:
            return False
        self.by_sink += 1
        self.take(answer)
        return True

    def take(self, answer: Answer) -> None:
        if answer.errors:
            self.errors.extend(
                (error.get("extensions") or {}).get("code") for error in answer.errors
            )
        else:
            self.seen.extend(answer.data.values())

    @property
    def events(self) -> list[str]:
        return [one["event"]["type"] for one in self.seen if one["kind"] == "EVENT"]

    async def read(self, who: Standing, document: str, variables: dict[str, Any]) -> None:
        prepared = engine().prepare(document)
        assert not isinstance(prepared, Answer), prepared.errors
        async for answer in engine().subscribe(prepared, variables, who.context(), self.sink):
            while self.full:  # noqa: ASYNC110 - a reader that stands still
                await asyncio.sleep(0.01)
            self.take(answer)


@asynccontextmanager
async def reading(
    who: Standing, order: Order, document: str = TRACK, after: str | None = None
) -> AsyncIterator[Reader]:
    """A reader of an order's events, past its first message."""
    reader = Reader()
    variables = {"id": encode(Order, order.id), "after": after}
    task = asyncio.create_task(reader.read(who, document, variables))
    try:
        await until(lambda: bool(reader.seen or after))
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def hub_of(house: House) -> Hub:
    assert isinstance(house.streams, Hub)
    return house.streams


@pytest.fixture
async def order(customer: Standing, town: City) -> Order:
    return await placed(customer, town)


@asynccontextmanager
async def crowd(
    who: Standing, order: Order, document: str = TRACK, count: int = LISTENERS
) -> AsyncIterator[list[Reader]]:
    """So many readers who walk together."""
    async with asyncio.TaskGroup() as group:
        opened = [reading(who, order, document) for _ in range(count)]
        readers = [await group.create_task(one.__aenter__()) for one in opened]
    hub = hub_of(who.house)
    # The first finds out about the others at its next message.
    await happen(who.house, order, EventType.PICKING_STARTED)
    await until(lambda: hub.circles.members >= count)
    try:
        yield readers
    finally:
        for one in opened:
            await one.__aexit__(None, None, None)
        await until(lambda: len(hub.circles) == 0)
        assert not hub.circles._following
        assert not hub._listeners


async def test_an_event_is_answered_once_for_all_and_reaches_each_by_its_sink(
    customer: Standing, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    run = Plan.run

    async def noted(plan: Plan, *rest: Any) -> Any:
        runs.append(plan)
        return await run(plan, *rest)

    async with crowd(customer, order) as readers:
        monkeypatch.setattr(Plan, "run", noted)
        for _ in range(5):
            await happen(customer.house, order, EventType.LINE_PICKED)
        await until(lambda: all(len(one.events) == 6 for one in readers))
        assert len(runs) == 5
        assert all(one.by_sink >= 5 for one in readers)
        cursors = [tuple(message["cursor"] for message in one.seen[1:]) for one in readers]
        assert len(set(cursors)) == 1


async def test_those_who_ask_for_other_fields_walk_along_and_get_theirs(
    customer: Standing, order: Order
) -> None:
    async with crowd(customer, order) as readers, reading(customer, order, OTHER) as other:
        await until(lambda: hub_of(customer.house).circles.members == LISTENERS + 1)
        await happen(customer.house, order, EventType.LINE_PICKED)
        await until(lambda: bool(other.events) and len(readers[0].events) == 2)
        assert set(other.seen[-1]["order"]) == {"id", "status"}
        assert set(readers[0].seen[-1]["order"]) == {"code"}


async def test_who_has_no_room_walks_alone_and_catches_up_without_holding_up_the_others(
    customer: Standing, order: Order
) -> None:
    async with crowd(customer, order) as readers:
        slow = readers[0]
        slow.full = True
        for _ in range(30):
            await happen(customer.house, order, EventType.LINE_PICKED)
        await until(lambda: all(len(one.events) == 31 for one in readers[1:]))
        assert len(slow.events) == 1
        assert hub_of(customer.house).circles.members == LISTENERS - 1
        slow.full = False
        await until(lambda: len(slow.events) == 31)
        assert [one["cursor"] for one in slow.seen[1:]] == [
            one["cursor"] for one in readers[1].seen[1:]
        ]
        await until(lambda: hub_of(customer.house).circles.members == LISTENERS)


async def test_who_comes_with_a_cursor_is_told_the_rest_and_then_walks_along(
    customer: Standing, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.engine.fanout.TOLD_SECONDS", 0)
    async with crowd(customer, order) as readers:
        cursor = readers[0].seen[-1]["cursor"]
        for _ in range(3):
            await happen(customer.house, order, EventType.LINE_PICKED)
        async with reading(customer, order, after=cursor) as late:
            await until(lambda: len(late.events) == 3)
            await until(lambda: hub_of(customer.house).circles.members == LISTENERS + 1)
            await happen(customer.house, order, EventType.FULFILLMENT_PACKED)
            await until(lambda: len(late.events) == 4)
            assert late.seen == readers[0].seen[-4:]
            assert late.by_sink == 1


async def test_signing_out_ends_ones_own_stream_inside_a_circle(
    house: House, customer: Standing, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_monitor, "ADMIT_SECONDS", 0.2)
    elsewhere = await stand(house, "", *customer.actor.grants, person_id=customer.actor.person_id)
    async with crowd(customer, order) as readers, reading(elsewhere, order) as gone:
        await until(lambda: hub_of(house).circles.members == LISTENERS + 1)
        async with house.database.write(PLATFORM, ORIGIN) as session:
            device = await session.get_one(SignInSession, elsewhere.actor.session_id)
            device.revoked_at = device.created_at
        await until(lambda: gone.errors == ["UNAUTHENTICATED"])
        await happen(house, order, EventType.LINE_PICKED)
        await until(lambda: all(len(one.events) == 2 for one in readers))
        assert not gone.events


async def test_a_failing_answer_breaks_the_circle_and_each_meets_it_alone(
    customer: Standing, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with crowd(customer, order) as readers:
        run = Plan.run

        async def broken(plan: Plan, *rest: Any) -> Any:
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr(Plan, "run", broken)
        await happen(customer.house, order, EventType.LINE_PICKED)
        await until(lambda: all(one.errors for one in readers))
        monkeypatch.setattr(Plan, "run", run)
        assert hub_of(customer.house).circles.members == 0


async def test_a_circle_that_ends_before_it_began_leaves_nobody_behind(house: House) -> None:
    hub = hub_of(house)
    before = {name: len(found) for name, found in hub._listeners.items()}
    course = Course(hub, ["order:nobody"], None)
    course.set_out({"order:nobody": START}, lagging=False)
    key = ("nobody",)
    hub.circles.follow(key)
    hub.circles.follow(key)

    async def tell(step: Step) -> Answer:
        raise AssertionError("there is nobody to be told")

    outlet = Outlet("all", tell, lambda answer: True)
    circle = hub.circles.open_to(key, course, outlet.audience)
    assert circle is not None
    first = Walker({"order:nobody": START}, outlet, tell)
    circle.join(first)
    circle.drop(first)
    again = hub.circles.open_to(key, course, outlet.audience)
    assert again is not None
    assert again is not circle
    late = Walker({"order:nobody": START}, outlet, tell)
    circle.join(late)  # as somebody would who had been let in just before
    await asyncio.wait_for(late.left, 1)
    await again.close()
    course.close()
    hub.circles.unfollow(key)
    hub.circles.unfollow(key)
    assert {name: len(found) for name, found in hub._listeners.items()} == before


async def test_who_is_a_few_steps_late_is_told_them_while_joining(house: House) -> None:
    hub, stream, at = hub_of(house), f"order:{uuid7()}", datetime.now(UTC)
    key, heard = (stream,), defaultdict[str, list[int]](list)
    hub.circles.follow(key)
    hub.circles.follow(key)

    def course_at(seq: int) -> Course:
        course = Course(hub, [stream], None)
        course.set_out({stream: place_of(seq, at)}, lagging=False)
        return course

    async def tell(step: Step) -> Answer:
        assert step.hint is not None
        return Answer(step.hint.seq)

    def walker_at(seq: int, name: str) -> Walker:
        def sink(answer: Answer) -> bool:
            heard[name].append(answer.data)
            return True

        return Walker({stream: place_of(seq, at)}, Outlet("all", tell, sink), tell)

    courses = [course_at(seq) for seq in (0, 1, 3)]
    circle = hub.circles.open_to(key, courses[0], "all")
    assert circle is not None
    assert circle.join(walker_at(0, "first"))
    for seq in (1, 2, 3):
        await hub.announce([Hint(stream, seq, "LINE_PICKED", {}, at)])
    await until(lambda: heard["first"] == [1, 2, 3])
    assert hub.circles.open_to(key, courses[1], "others") is None
    assert hub.circles.open_to(key, courses[1], "all") is circle
    assert circle.join(walker_at(1, "late"))
    assert heard["late"] == [2, 3]
    circle._told.clear()  # as it does when a while has passed
    assert hub.circles.open_to(key, courses[1], "all") is None
    assert hub.circles.open_to(key, courses[2], "all") is circle
    await circle.close()
    for course in courses:
        course.close()
