"""Frames on their way to one socket: few at a time, so a slow reader slows its own generators."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from server.wire.frames import TIMED_OUT, Goodbye
from server.wire.limits import WireLimits


class Outbox:
    """A bounded queue in front of a socket; whoever puts into a full one waits."""

    def __init__(self, send: Callable[[str], Awaitable[None]], limits: WireLimits) -> None:
        self._send = send
        self._limits = limits
        self._frames: deque[str] = deque()
        self._chars = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def put(self, frame: str) -> None:
        """Queue a frame, waiting for room first."""
        while not self._room.is_set():
            await self._room.wait()
        self.push(frame)

    def push(self, frame: str) -> None:
        """Queue a small frame of the protocol itself, room or not."""
        self._frames.append(frame)
        self._chars += len(frame)
        self._filled.set()
        self._idle.clear()
        full = (
            len(self._frames) >= self._limits.outbox_frames
            or self._chars >= self._limits.outbox_bytes
        )
        if full:
            self._room.clear()

    @property
    def full(self) -> bool:
        """Whether the next put would wait."""
        return not self._room.is_set()

    async def pump(self) -> None:
        """Send until canceled; raises Goodbye when the reader stands still for too long."""
        while True:
            await self._filled.wait()
            frame = self._frames.popleft()
            try:
                async with asyncio.timeout(self._limits.stalled_seconds):
                    await self._send(frame)
            except TimeoutError:
                raise Goodbye(TIMED_OUT, "the reader stands still") from None
            self._sent(frame)

    def _sent(self, frame: str) -> None:
        self._chars -= len(frame)
        if not self._frames:
            self._filled.clear()
            self._idle.set()
        if (
            len(self._frames) < self._limits.outbox_frames
            and self._chars < self._limits.outbox_bytes
        ):
            self._room.set()

    async def flushed(self) -> None:
        """Wait until everything queued has been handed to the socket."""
        await self._idle.wait()
