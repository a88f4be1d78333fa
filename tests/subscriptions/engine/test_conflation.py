"""Conflation: the newest value of each topic, once a second, spread over the ticks."""

import asyncio
from typing import Any

from subscriptions.engine.conflation import TICK_COUNT, TopicConflator


class Clock:
    """A clock that only moves when the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ConflationRun:
    """A conflator that ticks by command, and the messages it sent to the other processes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.messages: list[list[tuple[str, dict[str, Any]]]] = []
        self.conflator = TopicConflator(lambda pairs: self.messages.append(list(pairs)), self.clock)
        self.number = 0

    async def ticks(self, count: int) -> list[int]:
        """Run ticks and return how many values each published."""
        counts = []
        for _ in range(count):
            self.number += 1
            self.clock.now += 1 / TICK_COUNT
            before = self.conflator.published_count
            self.conflator.tick(self.number)
            await asyncio.sleep(0)
            counts.append(self.conflator.published_count - before)
        return counts

    def values(self, topic: str) -> list[int]:
        """Return the published values of a topic."""
        return [value["n"] for pairs in self.messages for name, value in pairs if name == topic]


async def test_an_idle_topic_publishes_at_once_and_a_busy_one_once_a_second() -> None:
    run = ConflationRun()
    run.conflator.publish("a", {"n": 0})
    for n in range(1, 40):
        run.conflator.publish("a", {"n": n})
        await run.ticks(1)
    await run.ticks(2 * TICK_COUNT)
    values = run.values("a")
    assert values[0] == 0
    assert values[-1] == 39
    assert 3 <= len(values) <= 4


async def test_topics_updated_together_publish_spread_over_the_second() -> None:
    run = ConflationRun()
    topics = [f"position:{n}" for n in range(1_000)]
    for n in range(2):
        for topic in topics:
            run.conflator.publish(topic, {"n": n})
    await asyncio.sleep(0)
    assert len(run.messages) == 1
    spread = await run.ticks(2 * TICK_COUNT)
    assert sum(spread) == 1_000
    assert max(spread) <= 2 * 1_000 / TICK_COUNT
    assert all(run.values(topic) == [0, 1] for topic in topics)


async def test_idle_topics_are_removed() -> None:
    run = ConflationRun()
    for n in range(100):
        run.conflator.publish(f"{n}", {"n": n})
    await run.ticks(4 * TICK_COUNT)
    assert not run.conflator._published_at
    assert not any(run.conflator._pending)


async def test_readers_receive_the_newest_value_and_leave_no_listener() -> None:
    run = ConflationRun()
    values = run.conflator.values("a")
    first = asyncio.ensure_future(anext(values))
    await asyncio.sleep(0)
    run.conflator.publish("a", {"n": 1})
    assert await first == {"n": 1}
    await values.aclose()
    assert not run.conflator._listeners
