"""One timer for all event streams of a server: heartbeats and expired tokens."""

import asyncio
from typing import Protocol

CHECKS_PER_HEARTBEAT = 8


class TimedStream(Protocol):
    """A stream that a StreamTimer checks."""

    def check(self, now: float, quiet_since: float) -> None:
        """Act at `now` (the loop's clock): write something if nothing was since `quiet_since`."""


class StreamTimer:
    """Checks its streams CHECKS_PER_HEARTBEAT times in `seconds`.

    So no stream is quiet for longer than that.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = seconds / CHECKS_PER_HEARTBEAT
        self._quiet_seconds = seconds - self._interval
        self._streams: dict[TimedStream, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: TimedStream) -> None:
        """Check a stream until it is removed."""
        self._streams[stream] = None
        if self._timer is None:
            self._schedule()

    def remove(self, stream: TimedStream) -> None:
        """Check it no more."""
        self._streams.pop(stream, None)

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._check_all)

    def _check_all(self) -> None:
        self._timer = None
        if not self._streams:
            return
        # Before anything can raise: all streams depend on it.
        self._schedule()
        now = asyncio.get_running_loop().time()
        for stream in list(self._streams):
            stream.check(now, now - self._quiet_seconds)
