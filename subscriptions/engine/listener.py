"""The positions of one listener in its streams, and its small buffer of pending notices."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from database.announcer import EventNotice
from subscriptions.engine.conflation import CONFLATION_SECONDS, TICK_SECONDS

MAX_PENDING_NOTICES = 8


class Listener:
    """Buffers what the hub delivers; its reader waits, then takes the buffered notices.

    It holds at most 8 notices: beyond that it only knows that it lags and has to read the log.
    """

    __slots__ = (
        "_timer", "_value_taken_at", "_waiter", "error", "lagging_streams", "last_seqs", "notices",
        "value",
    )  # fmt: skip

    def __init__(self, last_seqs: Mapping[str, int]) -> None:
        self.last_seqs = dict(last_seqs)
        self.notices: deque[EventNotice] = deque(maxlen=MAX_PENDING_NOTICES)
        self.lagging_streams: frozenset[str] = frozenset()
        self.value: dict[str, Any] | None = None
        self.error: Exception | None = None
        self._value_taken_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to take."""
        return not (self.notices or self.lagging_streams or self.error or self.value is not None)

    def receive_notice(self, notice: EventNotice) -> None:
        """Buffer the notice of an event, unless the event is already known."""
        if notice.seq > self.last_seqs[notice.stream]:
            self.notices.append(notice)
            self.wake()

    def receive_value(self, value: dict[str, Any]) -> None:
        """Store a lossy value; it wakes the reader at most once a second."""
        loop = asyncio.get_running_loop()
        delay = self._value_taken_at + CONFLATION_SECONDS - TICK_SECONDS - loop.time()
        is_first, self.value = self.value is None, value
        if delay <= 0:
            self.wake()
        elif is_first:
            self._timer = loop.call_later(delay, self.wake)

    def mark_lagging(self, *streams: str) -> None:
        """Request a read of the log: events of these streams were or may have been missed."""
        self.lagging_streams = self.lagging_streams.union(streams)
        self.wake()

    def fail(self, error: Exception) -> None:
        """Make the reader's next call raise this error."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        """Make `wait` return."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self) -> None:
        """Return when there is something to take or `wake` was called."""
        if self.notices or self.lagging_streams or self.error or self._value_due():
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take_notices(self) -> list[EventNotice]:
        """Take the notices that continue the positions; a stream with a gap is marked lagging.

        Raises the error passed to `fail`.
        """
        if self.error is not None:
            raise self.error
        batch: list[EventNotice] = []
        while self.notices:
            notice = self.notices.popleft()
            last_seq = self.last_seqs[notice.stream]
            if notice.stream in self.lagging_streams or notice.seq <= last_seq:
                continue
            if notice.seq - notice.event_count <= last_seq:
                self.last_seqs[notice.stream] = notice.seq
                batch.append(notice)
            else:
                self.lagging_streams |= {notice.stream}
        return batch

    def take_value(self) -> dict[str, Any] | None:
        """Take the newest lossy value, if one is due."""
        if not self._value_due():
            return None
        value, self.value = self.value, None
        self._value_taken_at = asyncio.get_running_loop().time()
        return value

    def _value_due(self) -> bool:
        if self.value is None:
            return False
        now = asyncio.get_running_loop().time()
        return now >= self._value_taken_at + CONFLATION_SECONDS - TICK_SECONDS
