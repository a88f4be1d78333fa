"""Values that pass: of each topic only the newest counts, and it is told at most once a second.

A topic that was quiet is told of at once. One that is told of again and again has its own tick of
the second, so that ten thousand rides don't all speak in one; what leaves in the same moment for
the other processes leaves in few messages.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol
from zlib import crc32

CONFLATE_SECONDS = 1.0
TICKS = 20
TICK_SECONDS = CONFLATE_SECONDS / TICKS
TOPICS_MOST = 50_000

Value = dict[str, Any]
Send = Callable[[Sequence[tuple[str, Value]]], None]


class Viewer(Protocol):
    """Whoever is shown the values of a topic."""

    def show(self, value: Value) -> None:
        """Take note of the newest value; must not wait."""


class View:
    """One reader's view of a topic."""

    __slots__ = ("value", "wake")

    def __init__(self) -> None:
        self.value: Value | None = None
        self.wake = asyncio.Event()

    def show(self, value: Value) -> None:
        self.value = value
        self.wake.set()


class Latest:
    """The topics of one process; `send` says several values to the other processes."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._views: defaultdict[str, set[Viewer]] = defaultdict(set)
        self._told_at: dict[str, float] = {}
        self._waiting: list[dict[str, Value]] = [{} for _ in range(TICKS)]
        self._leaving: list[tuple[str, Value]] = []
        self._ticker: asyncio.Task[None] | None = None
        self.told = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to tick; needs a running loop."""
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick_forever(), name="hub-latest")

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._ticker = None

    def tell(self, topic: str, value: Value) -> None:
        """Tell the value now if the topic was quiet, else at its next tick, unless it is passed."""
        now = self._clock()
        told_at = self._told_at.get(topic)
        if told_at is None and len(self._told_at) >= TOPICS_MOST:
            self.dropped += 1
        elif told_at is None or now - told_at >= CONFLATE_SECONDS:
            self._waiting[_tick_of(topic)].pop(topic, None)
            self._leave(topic, value, now)
        else:
            self._waiting[_tick_of(topic)][topic] = value

    def show(self, topic: str, value: Value) -> None:
        """Let those who watch the topic in this process see the value."""
        for view in self._views.get(topic, ()):
            view.show(value)

    def join(self, topic: str, viewer: Viewer) -> None:
        """Show a viewer the values of a topic from this moment on."""
        self._views[topic].add(viewer)

    def leave(self, topic: str, viewer: Viewer) -> None:
        """Show it no more."""
        views = self._views[topic]
        views.discard(viewer)
        if not views:
            del self._views[topic]

    async def watch(self, topic: str) -> AsyncGenerator[Value, None]:
        """The newest value of a topic, at most one a second whoever tells it."""
        view = View()
        self.join(topic, view)
        try:
            while True:
                await view.wake.wait()
                view.wake.clear()
                value, view.value = view.value, None
                if value is not None:
                    yield value
                    # A tick less, so that the next one in its turn is not kept waiting for another.
                    await asyncio.sleep(CONFLATE_SECONDS - TICK_SECONDS)
        finally:
            self.leave(topic, view)

    def tick(self, number: int) -> None:
        """Tell what waits for this tick of the second; what was told just now waits on."""
        waiting, now = self._waiting[number % TICKS], self._clock()
        for topic in list(waiting):
            if now - self._told_at.get(topic, 0.0) >= CONFLATE_SECONDS - TICK_SECONDS:
                self._leave(topic, waiting.pop(topic), now)
        if number % TICKS == 0:
            self._forget_the_quiet(now)

    def _leave(self, topic: str, value: Value, now: float) -> None:
        self._told_at[topic] = now
        self.told += 1
        self.show(topic, value)
        if not self._leaving:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._leaving.append((topic, value))

    def _send_all(self) -> None:
        leaving, self._leaving = self._leaving, []
        self._send(leaving)

    def _forget_the_quiet(self, now: float) -> None:
        quiet = [topic for topic, at in self._told_at.items() if now - at > 2 * CONFLATE_SECONDS]
        for topic in quiet:
            if topic not in self._waiting[_tick_of(topic)]:
                del self._told_at[topic]

    async def _tick_forever(self) -> None:
        """Tick by the clock: a late tick does not delay those after it."""
        number = int(self._clock() / TICK_SECONDS)
        while True:
            number += 1
            await asyncio.sleep(max(0.0, number * TICK_SECONDS - self._clock()))
            # A loop that was held up tells each topic once, not for each second that it missed.
            behind = int(self._clock() / TICK_SECONDS) - number
            number += max(0, behind - TICKS)
            self.tick(number)


def _tick_of(topic: str) -> int:
    """The tick of the second that is the topic's own."""
    return crc32(topic.encode()) % TICKS
