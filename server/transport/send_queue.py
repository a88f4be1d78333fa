"""Frames waiting to be sent to one client: few, so that a slow client slows its own generators."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from server.transport.limits import TransportLimits

FRAMES_OVER_FULL = 4


class FrameWriter(Protocol):
    """Writes to one client without waiting."""

    @property
    def blocked(self) -> bool:
        """Whether the client reads more slowly than is written to it."""

    def write_frame(self, frame: bytes) -> None:
        """Write a frame without waiting."""


class SendQueue:
    """Writes at once while the client keeps up; queues a few frames and makes callers wait if not.

    Calls `stalled` when queued frames make no progress for `stalled_seconds`.
    """

    __slots__ = ("_bytes", "_frames", "_limits", "_stalled", "_timer", "_waiting", "_writer")

    def __init__(
        self, writer: FrameWriter, limits: TransportLimits, stalled: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._limits = limits
        self._stalled = stalled
        self._frames: deque[bytes] | None = None
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[asyncio.Future[None]] | None = None

    async def put(self, frame: bytes) -> None:
        """Send a frame; wait while the queue is full."""
        while self.full:
            room = asyncio.get_running_loop().create_future()
            self._waiting = [*(self._waiting or ()), room]
            await room
        self.put_nowait(frame)

    def try_put(self, frame: bytes) -> bool:
        """Send a frame unless the queue is full; whether it was accepted."""
        if self._frames is None and not self._writer.blocked:
            self._writer.write_frame(frame)
            return True
        if self.full:
            return False
        self.put_nowait(frame)
        return True

    def put_nowait(self, frame: bytes) -> None:
        """Send a frame even if the queue is full: for small frames of the protocol itself.

        A client that causes them and reads too slowly is cut off like one that reads nothing.
        """
        if self._frames is None and not self._writer.blocked:
            self._writer.write_frame(frame)
            return
        if self._frames is None:
            self._frames = deque()
        self._frames.append(frame)
        self._bytes += len(frame)
        if len(self._frames) > FRAMES_OVER_FULL * self._limits.queued_frames:
            self._stalled()
        if self._timer is None:
            self._start_timer()

    @property
    def pending(self) -> bool:
        """Whether a frame is not written yet."""
        return self._frames is not None

    @property
    def full(self) -> bool:
        """Whether the next `put` would wait."""
        frames = self._frames
        return frames is not None and (
            len(frames) >= self._limits.queued_frames or self._bytes >= self._limits.queued_bytes
        )

    def drain(self) -> None:
        """Write queued frames, now that the client reads again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        frames = self._frames
        while frames and not self._writer.blocked:
            frame = frames.popleft()
            self._bytes -= len(frame)
            self._writer.write_frame(frame)
        if frames:
            self._start_timer()
        else:
            self._frames = None
        if not self.full:
            self._wake_waiting()

    def close(self) -> None:
        """Stop the timer; the caller cancels whatever waits for room."""
        if self._timer is not None:
            self._timer.cancel()

    async def flushed(self) -> None:
        """Wait until every frame is written."""
        while self._frames:
            written = asyncio.get_running_loop().create_future()
            self._waiting = [*(self._waiting or ()), written]
            await written

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(
            self._limits.stalled_seconds, self._stalled
        )

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        for future in waiting or ():
            if not future.done():
                future.set_result(None)
