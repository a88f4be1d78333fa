"""Passing values: the newest of each topic, once a second, not all in one tick."""

import asyncio
from typing import Any

from subscriptions.engine.conflation import TICKS, Latest


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Told:
    """Topics whose second passes tick by tick, and what they told the other processes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.messages: list[list[tuple[str, dict[str, Any]]]] = []
        self.latest = Latest(lambda pairs: self.messages.append(list(pairs)), self.clock)
        self.number = 0

    async def ticks(self, count: int) -> list[int]:
        """How many values each of the next ticks told."""
        told = []
        for _ in range(count):
            self.number += 1
            self.clock.now += 1 / TICKS
            before = self.latest.told
            self.latest.tick(self.number)
            await asyncio.sleep(0)
            told.append(self.latest.told - before)
        return told

    def values(self, topic: str) -> list[int]:
        """What was told of a topic."""
        return [value["n"] for pairs in self.messages for name, value in pairs if name == topic]


async def test_a_quiet_topic_is_told_of_at_once_and_a_busy_one_once_a_second() -> None:
    told = Told()
    told.latest.tell("a", {"n": 0})
    for n in range(1, 40):
        told.latest.tell("a", {"n": n})
        await told.ticks(1)
    await told.ticks(2 * TICKS)
    values = told.values("a")
    assert values[0] == 0
    assert values[-1] == 39
    assert 3 <= len(values) <= 4


async def test_topics_that_are_told_of_in_one_moment_leave_spread_over_the_second() -> None:
    told = Told()
    topics = [f"position:{n}" for n in range(1_000)]
    for n in range(2):
        for topic in topics:
            told.latest.tell(topic, {"n": n})
    await asyncio.sleep(0)
    assert len(told.messages) == 1
    spread = await told.ticks(2 * TICKS)
    assert sum(spread) == 1_000
    assert max(spread) <= 2 * 1_000 / TICKS
    assert all(told.values(topic) == [0, 1] for topic in topics)


async def test_topics_of_which_nothing_comes_are_forgotten() -> None:
    told = Told()
    for n in range(100):
        told.latest.tell(f"{n}", {"n": n})
    await told.ticks(4 * TICKS)
    assert not told.latest._told_at
    assert not any(told.latest._waiting)


async def test_those_who_watch_see_the_newest_and_leave_nothing_behind() -> None:
    told = Told()
    seen = told.latest.watch("a")
    first = asyncio.ensure_future(anext(seen))
    await asyncio.sleep(0)
    told.latest.tell("a", {"n": 1})
    assert await first == {"n": 1}
    await seen.aclose()
    assert not told.latest._views
