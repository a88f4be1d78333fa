"""Conflates lossy values: each topic publishes only its newest value, at most once a second.

The first value of an idle topic is published at once. A busy topic publishes in its own tick of the
second, so that ten thousand rider positions are spread over it; values that are due at the same
moment are sent to the other processes in few messages.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol
from zlib import crc32

CONFLATION_SECONDS = 1.0
TICK_COUNT = 20
TICK_SECONDS = CONFLATION_SECONDS / TICK_COUNT
IDLE_TOPIC_SECONDS = 2 * CONFLATION_SECONDS
MAX_TOPICS = 50_000

Value = dict[str, Any]
SendValues = Callable[[Sequence[tuple[str, Value]]], None]


class TopicListener(Protocol):
    """Receives the values of a topic."""

    def receive_value(self, value: Value) -> None:
        """Store the newest value; must not block."""


class TopicView:
    """Holds the newest value of a topic for one reader."""

    __slots__ = ("changed", "value")

    def __init__(self) -> None:
        self.value: Value | None = None
        self.changed = asyncio.Event()

    def receive_value(self, value: Value) -> None:
        self.value = value
        self.changed.set()


class TopicConflator:
    """The topics of one process; `send_values` sends published values to the other processes."""

    def __init__(
        self, send_values: SendValues, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send_values = send_values
        self._clock = clock
        self._listeners: defaultdict[str, set[TopicListener]] = defaultdict(set)
        self._published_at: dict[str, float] = {}
        self._pending: list[dict[str, Value]] = [{} for _ in range(TICK_COUNT)]
        self._outgoing: list[tuple[str, Value]] = []
        self._ticker: asyncio.Task[None] | None = None
        self.published_count = 0
        self.dropped_count = 0

    def start(self) -> None:
        """Start the ticker; needs a running event loop."""
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick_forever(), name="hub-conflation")

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._ticker = None

    def publish(self, topic: str, value: Value) -> None:
        """Publish now if the topic was idle for a second, else at its next tick.

        A newer value replaces one that waits for its tick.
        """
        now = self._clock()
        published_at = self._published_at.get(topic)
        if published_at is None and len(self._published_at) >= MAX_TOPICS:
            self.dropped_count += 1
        elif published_at is None or now - published_at >= CONFLATION_SECONDS:
            self._pending[_tick_of(topic)].pop(topic, None)
            self._publish_now(topic, value, now)
        else:
            self._pending[_tick_of(topic)][topic] = value

    def deliver(self, topic: str, value: Value) -> None:
        """Pass a value to the listeners of the topic in this process."""
        for listener in self._listeners.get(topic, ()):
            listener.receive_value(value)

    def add_listener(self, topic: str, listener: TopicListener) -> None:
        """Deliver the values of a topic to a listener from now on."""
        self._listeners[topic].add(listener)

    def remove_listener(self, topic: str, listener: TopicListener) -> None:
        """Stop the delivery to a listener."""
        listeners = self._listeners[topic]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[topic]

    async def values(self, topic: str) -> AsyncGenerator[Value, None]:
        """Yield the newest value of a topic, at most one per second."""
        view = TopicView()
        self.add_listener(topic, view)
        try:
            while True:
                await view.changed.wait()
                view.changed.clear()
                value, view.value = view.value, None
                if value is not None:
                    yield value
                    # One tick less, so that the value of the next regular tick is not delayed.
                    await asyncio.sleep(CONFLATION_SECONDS - TICK_SECONDS)
        finally:
            self.remove_listener(topic, view)

    def tick(self, number: int) -> None:
        """Publish the values that wait for this tick, unless their topic has just published."""
        pending, now = self._pending[number % TICK_COUNT], self._clock()
        for topic in list(pending):
            if now - self._published_at.get(topic, 0.0) >= CONFLATION_SECONDS - TICK_SECONDS:
                self._publish_now(topic, pending.pop(topic), now)
        if number % TICK_COUNT == 0:
            self._remove_idle_topics(now)

    def _publish_now(self, topic: str, value: Value, now: float) -> None:
        self._published_at[topic] = now
        self.published_count += 1
        self.deliver(topic, value)
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send_outgoing)
        self._outgoing.append((topic, value))

    def _send_outgoing(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        self._send_values(outgoing)

    def _remove_idle_topics(self, now: float) -> None:
        idle = [topic for topic, at in self._published_at.items() if now - at > IDLE_TOPIC_SECONDS]
        for topic in idle:
            if topic not in self._pending[_tick_of(topic)]:
                del self._published_at[topic]

    async def _tick_forever(self) -> None:
        """Tick by the clock: a late tick does not delay the following ones."""
        number = int(self._clock() / TICK_SECONDS)
        while True:
            number += 1
            await asyncio.sleep(max(0.0, number * TICK_SECONDS - self._clock()))
            # After a blocked event loop each topic publishes once, not once per missed second.
            missed_ticks = int(self._clock() / TICK_SECONDS) - number
            number += max(0, missed_ticks - TICK_COUNT)
            self.tick(number)


def _tick_of(topic: str) -> int:
    """Return the tick of the second in which a topic publishes."""
    return crc32(topic.encode()) % TICK_COUNT
