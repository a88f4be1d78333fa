"""One response that goes on: the answers of a subscription, in whatever frames its reader wants."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer, Engine, Prepared
from execution.outlet import Sink
from server.wire.connections import LiveConnections
from server.wire.contexts import Opened
from server.wire.limits import WireLimits
from server.wire.operation import Operation
from server.wire.rejected import errors_of

log = logging.getLogger(__name__)

HELD_CHUNKS = 64
_SLEEP_MAX_SECONDS = 30 * 24 * 3600.0

Source = Callable[[Sink], AsyncGenerator[Answer, None]]


@dataclass(frozen=True, slots=True)
class Framing:
    """How one kind of stream is written."""

    headers: Mapping[str, str]
    begin: bytes
    heartbeat: bytes
    complete: bytes
    """Says that nothing will follow; a server that leaves does not say it."""
    of: Callable[[Answer], bytes]
    """The chunk of one answer."""
    fault: Callable[[list[dict[str, Any]]], bytes]
    """The chunk of errors that end the stream itself."""


def subscription_stream(
    engine: Engine,
    prepared: Prepared,
    operation: Operation,
    opened: Opened,
    limits: WireLimits,
    connections: LiveConnections,
    framing: Framing,
) -> Response:
    """Answer the response that streams a subscription until it, its reader or its token ends."""
    source = partial(engine.subscribe, prepared, operation.variables, opened.context)
    return _Stream(source, limits, connections, opened.expires_at, framing)


def answer_stream(
    answer: Answer, limits: WireLimits, connections: LiveConnections, framing: Framing
) -> Response:
    """Answer a single result to a reader of streams only: one chunk, then the end."""
    return _Stream(partial(_once, answer), limits, connections, None, framing)


async def _once(answer: Answer, sink: Sink) -> AsyncGenerator[Answer, None]:
    yield answer


class _Stalled(Exception):
    """The reader took nothing for longer than a stream waits."""


class _Stream(Response):
    """Written by the request's own task; the source and the look-out for its reader are others."""

    def __init__(
        self,
        source: Source,
        limits: WireLimits,
        connections: LiveConnections,
        expires_at: float | None,
        framing: Framing,
    ) -> None:
        super().__init__(None, 200, headers=framing.headers)
        # Starlette counts an empty body; the length of this one is not known.
        del self.headers["content-length"]
        self._source = source
        self._limits = limits
        self._connections = connections
        self._expires_at = expires_at
        self._framing = framing
        self._chunks: deque[bytes] = deque()
        self._ending: str | None = None
        self._idle: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        loop = asyncio.get_running_loop()
        expiry = None
        if self._expires_at is not None:
            delay = min(max(0.0, self._expires_at - time.time()), _SLEEP_MAX_SECONDS)
            expiry = loop.call_later(delay, self._end, "expired")
        with self._connections.held(lambda: self._end("left")):
            await send(head)
            tasks = [loop.create_task(self._feed()), loop.create_task(self._watch(receive))]
            try:
                await self._write(send)
            except (OSError, _Stalled):
                self._ending = "gone"
            finally:
                if expiry is not None:
                    expiry.cancel()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(OSError, _Stalled):
                await self._finish(send)

    def _end(self, ending: str) -> None:
        self._ending = self._ending or ending
        self._wake()

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _watch(self, receive: Receive) -> None:
        with suppress(OSError):
            await disconnected(receive)
        self._end("gone")

    async def _write(self, send: Send) -> None:
        """Write what comes, and a heartbeat when nothing does, until something ends it."""
        await self._send(send, self._framing.begin)
        while self._ending is None:
            if not self._chunks and not await self._something():
                await self._send(send, self._framing.heartbeat)
                continue
            chunks = b"".join(self._chunks)
            self._chunks.clear()
            self._make_room()
            await self._send(send, chunks)

    async def _something(self) -> bool:
        """Wait for something to do; False when the time of a heartbeat passes without."""
        loop = asyncio.get_running_loop()
        self._idle = loop.create_future()
        timer = loop.call_later(self._limits.stream_heartbeat_seconds, self._wake)
        try:
            await self._idle
        finally:
            timer.cancel()
            self._idle = None
        return bool(self._chunks) or self._ending is not None

    async def _finish(self, send: Send) -> None:
        if self._ending == "gone":
            return
        last = b"".join(self._chunks) if self._ending == "fed" else b""
        if self._ending == "expired":
            errors = errors_of("UNAUTHENTICATED", "The access token has expired.")
            last = self._framing.fault(errors) + self._framing.complete
        await self._send(send, last, more=False)

    async def _feed(self) -> None:
        """Take the answers of the source, as fast as they are written."""
        try:
            async with aclosing(self._source(self._offer)) as answers:
                async for answer in answers:
                    while len(self._chunks) >= HELD_CHUNKS:
                        self._room = asyncio.get_running_loop().create_future()
                        await self._room
                    self._offer(answer)
                    del answer
        except Exception:
            log.exception("a stream failed outside its operation")
            broken = errors_of("INTERNAL_SERVER_ERROR", "The stream broke: resume.")
            self._chunks.append(self._framing.fault(broken))
        self._chunks.append(self._framing.complete)
        self._end("fed")

    def _offer(self, answer: Answer) -> bool:
        """Take an answer if there is room for it."""
        if len(self._chunks) >= HELD_CHUNKS:
            return False
        self._chunks.append(self._framing.of(answer))
        self._wake()
        return True

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def _send(self, send: Send, chunk: bytes, *, more: bool = True) -> None:
        # The server makes a write wait while the reader's buffers are full, which pauses the
        # generator behind it; a reader who stands still for too long is let go.
        if not chunk and more:
            return
        try:
            async with asyncio.timeout(self._limits.stalled_seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            raise _Stalled from None


async def disconnected(receive: Receive) -> None:
    """Return when the reader is gone; the request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
