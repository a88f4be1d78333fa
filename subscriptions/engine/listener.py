"""One listener's places in its streams, and the little that waits for it there."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from database.sessions import Hint
from subscriptions.engine.conflation import CONFLATE_SECONDS, TICK_SECONDS

HELD_HINTS = 8


class Listener:
    """Told without waiting, by the hub; whoever listens waits, then takes what there is.

    It holds at most 8 hints: of what it could not take in time it knows only that it lags.
    """

    __slots__ = ("_timer", "_value_at", "_waiting", "after", "behind", "fault", "hints", "value")

    def __init__(self, after: Mapping[str, int]) -> None:
        self.after = dict(after)
        self.hints: deque[Hint] = deque(maxlen=HELD_HINTS)
        self.behind: frozenset[str] = frozenset()
        self.value: dict[str, Any] | None = None
        self.fault: Exception | None = None
        self._value_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def still(self) -> bool:
        """Whether there is nothing to take."""
        return not (self.hints or self.behind or self.fault or self.value is not None)

    def told(self, hint: Hint) -> None:
        """Take note of an event, unless it is an old one."""
        if hint.seq > self.after[hint.stream]:
            self.hints.append(hint)
            self.wake()

    def show(self, value: dict[str, Any]) -> None:
        """Take note of a passing value; it is worth waking for at most once a second."""
        loop = asyncio.get_running_loop()
        wait = self._value_at + CONFLATE_SECONDS - TICK_SECONDS - loop.time()
        fresh, self.value = self.value is None, value
        if wait <= 0:
            self.wake()
        elif fresh:
            self._timer = loop.call_later(wait, self.wake)

    def lag(self, *streams: str) -> None:
        """Have the log read: something was missed in these streams, or might have been."""
        self.behind = self.behind.union(streams)
        self.wake()

    def fail(self, fault: Exception) -> None:
        """End the listening with this error."""
        self.fault = fault
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self) -> None:
        """Return when there is something to take, or somebody woke it; raises the fault."""
        if self.hints or self.behind or self.fault or self._seen():
            return
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def following(self) -> list[Hint]:
        """The hints that continue the places without a gap; a gap means that the log is read."""
        if self.fault is not None:
            raise self.fault
        batch: list[Hint] = []
        while self.hints:
            hint = self.hints.popleft()
            place = self.after[hint.stream]
            if hint.stream in self.behind or hint.seq <= place:
                continue
            if hint.seq - hint.events <= place:
                self.after[hint.stream] = hint.seq
                batch.append(hint)
            else:
                self.behind |= {hint.stream}
        return batch

    def passing(self) -> dict[str, Any] | None:
        """The newest passing value, if it is time for one."""
        if not self._seen():
            return None
        value, self.value = self.value, None
        self._value_at = asyncio.get_running_loop().time()
        return value

    def _seen(self) -> bool:
        if self.value is None:
            return False
        now = asyncio.get_running_loop().time()
        return now >= self._value_at + CONFLATE_SECONDS - TICK_SECONDS
