"""Frames on their way to one socket: few at a time, so a slow reader slows its own generators."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from server.transport.limits import WireLimits


class Way(Protocol):
    """Where frames go."""

    @property
    def blocked(self) -> bool:
        """Whether the reader is slower than what was written to it."""

    def write_text(self, framed: bytes) -> None:
        """Write a frame without waiting."""


class Outbox:
    """Writes at once while its reader keeps up; then it holds a little, and makes others wait."""

    __slots__ = ("_bytes", "_frames", "_limits", "_stalled", "_timer", "_waiting", "_way")

    def __init__(self, way: Way, limits: WireLimits, stalled: Callable[[], None]) -> None:
        self._way = way
        self._limits = limits
        self._stalled = stalled
        self._frames: deque[bytes] | None = None
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[asyncio.Future[None]] | None = None

    async def put(self, frame: bytes) -> None:
        """Send a frame, waiting for room first."""
        while self.full:
            room = asyncio.get_running_loop().create_future()
            self._waiting = [*(self._waiting or ()), room]
            await room
        self.push(frame)

    def offer(self, frame: bytes) -> bool:
        """Send a frame if there is room for it now."""
        if self._frames is None and not self._way.blocked:
            self._way.write_text(frame)
            return True
        if self.full:
            return False
        self.push(frame)
        return True

    def push(self, frame: bytes) -> None:
        """Send a small frame of the protocol itself, room or not."""
        if self._frames is None and not self._way.blocked:
            self._way.write_text(frame)
            return
        if self._frames is None:
            self._frames = deque()
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                self._limits.stalled_seconds, self._stalled
            )

    @property
    def held(self) -> bool:
        """Whether something is not written yet."""
        return self._frames is not None

    @property
    def full(self) -> bool:
        """Whether the next put would wait."""
        frames = self._frames
        return frames is not None and (
            len(frames) >= self._limits.outbox_frames or self._bytes >= self._limits.outbox_bytes
        )

    def drain(self) -> None:
        """Write what is held, now that the reader reads again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        frames = self._frames
        while frames and not self._way.blocked:
            frame = frames.popleft()
            self._bytes -= len(frame)
            self._way.write_text(frame)
        if frames:
            self._timer = asyncio.get_running_loop().call_later(
                self._limits.stalled_seconds, self._stalled
            )
        else:
            self._frames = None
        if not self.full:
            self._wake()

    def close(self) -> None:
        """Let go of the timer; whoever waits for room is about to be canceled."""
        if self._timer is not None:
            self._timer.cancel()

    async def flushed(self) -> None:
        """Wait until nothing is held any more."""
        while self._frames:
            done = asyncio.get_running_loop().create_future()
            self._waiting = [*(self._waiting or ()), done]
            await done

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        for one in waiting or ():
            if not one.done():
                one.set_result(None)
