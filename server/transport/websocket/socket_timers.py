"""The timers of one socket: its beginning, its signs of life and the expiry of its token."""

import asyncio
import time
from collections.abc import Callable

from server.transport.limits import TransportLimits
from server.transport.send_queue import SendQueue
from server.transport.websocket import frames
from server.transport.websocket.frames import CloseSocket

_SILENT = CloseSocket(frames.TIMED_OUT, "no sign of life")
_EXPIRED = CloseSocket(frames.FORBIDDEN, "token expired")
_NO_INIT = CloseSocket(frames.TIMED_OUT, "connection_init did not come in time")
_MAX_TIMER_SECONDS = 30 * 24 * 3600.0


class SocketTimers:
    """Ends a socket that does not begin, says nothing, or whose token has expired.

    One timer at a time sends pings and checks for their pongs.
    """

    __slots__ = (
        "_end", "_expiry", "_limits", "_loop", "_pinged_at", "_queue", "_received_at", "_timer",
    )  # fmt: skip

    def __init__(
        self, queue: SendQueue, limits: TransportLimits, end: Callable[[CloseSocket], None]
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._received_at = self._pinged_at = self._loop.time()
        self._expiry: asyncio.TimerHandle | None = None
        self._timer = self._loop.call_later(limits.init_seconds, end, _NO_INIT)

    def received(self) -> float:
        """Note that the client has sent something; the moment by the loop's clock."""
        self._received_at = self._loop.time()
        return self._received_at

    def begin_pings(self) -> None:
        """Ask the client for signs of life from now on: its socket has begun."""
        self._timer.cancel()
        self._timer = self._loop.call_later(self._limits.socket_heartbeat_seconds, self._ping)

    def set_expiry(self, unix_seconds: float | None) -> None:
        """End the socket when the token expires that it has now."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if unix_seconds is not None:
            left = max(0.0, unix_seconds + self._limits.clock_leeway_seconds - time.time())
            self._expiry = self._loop.call_later(min(left, _MAX_TIMER_SECONDS), self._end, _EXPIRED)

    def cancel(self) -> None:
        """Stop: the socket ends."""
        self._timer.cancel()
        if self._expiry is not None:
            self._expiry.cancel()

    def _ping(self) -> None:
        """Send a ping; a full queue has its own time limit."""
        self._pinged_at = self._loop.time()
        if not self._queue.full:
            self._queue.put_nowait(frames.PING)
        self._timer = self._loop.call_later(self._limits.pong_seconds, self._check_pong)

    def _check_pong(self) -> None:
        if self._received_at < self._pinged_at and not self._queue.full:
            self._end(_SILENT)
            return
        pause = self._limits.socket_heartbeat_seconds - self._limits.pong_seconds
        self._timer = self._loop.call_later(max(0.0, pause), self._ping)
