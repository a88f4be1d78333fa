"""One response that goes on: the answers of a subscription, in whatever frames its reader wants.

Its head goes the way of every response. After it each answer is written straight to the connection
by whoever makes it, as far as the reader keeps up; a slow one makes its source wait.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer
from execution.fanout_port import Sink
from server.transport.connections import LiveConnections
from server.transport.limits import WireLimits
from server.transport.rejected import errors_of
from server.transport.stream.chunked_writer import Line, line_of
from server.transport.stream.stream_timer import Watch
from server.transport.websocket.outbox import Outbox

log = logging.getLogger(__name__)

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
    """The piece of one answer."""
    fault: Callable[[list[dict[str, Any]]], bytes]
    """The piece of errors that end the stream itself."""


@dataclass(frozen=True, slots=True)
class Office:
    """What all streams of a server share."""

    limits: WireLimits
    connections: LiveConnections
    watch: Watch


def answer_stream(answer: Answer, framing: Framing) -> Response:
    """A single result for a reader of streams only: all of it at once."""
    body = framing.begin + framing.of(answer) + framing.complete
    return Response(body, 200, headers=framing.headers)


class StreamResponse(Response):
    """Streams a subscription until it, its reader or its token (a Unix time) ends."""

    def __init__(
        self, source: Source, office: Office, framing: Framing, expires_at: float | None
    ) -> None:
        super().__init__(None, 200, headers=framing.headers)
        # Starlette counts an empty body; the length of this one is not known.
        del self.headers["content-length"]
        self._source = source
        self._office = office
        self._framing = framing
        self._expires_at = expires_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = line_of(scope)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        stream = Stream(line, self._office, self._framing, self._expires_at)
        if line.take(stream):
            stream.start(self._source)


class Stream:
    """The answers of one subscription on their way to one reader."""

    __slots__ = (
        "_ending", "_expires_at", "_framing", "_line", "_office", "_outbox", "_over", "_task",
        "_wrote_at",
    )  # fmt: skip

    def __init__(
        self, line: Line, office: Office, framing: Framing, expires_at: float | None
    ) -> None:
        loop = asyncio.get_running_loop()
        self._line = line
        self._office = office
        self._framing = framing
        self._outbox = Outbox(self, office.limits, self.gone)
        self._ending: str | None = None
        self._wrote_at = loop.time()
        self._expires_at = None if expires_at is None else self._wrote_at + expires_at - time.time()
        self._task: asyncio.Task[None] | None = None
        self._over: Callable[[], None] | None = None

    def start(self, source: Source) -> None:
        """Begin to take the answers of the source."""
        self._over = self._office.connections.hold(self.leave)
        self._office.watch.join(self)
        if self._framing.begin:
            self._outbox.push(self._piece(self._framing.begin))
        self._task = asyncio.get_running_loop().create_task(self._feed(source))
        self._task.add_done_callback(self._fed)

    def leave(self) -> None:
        """End without saying that all was told, so that the reader comes back."""
        self._end("left")

    # What the watch and the line call.

    def look(self, now: float, quiet_since: float) -> None:
        """End with its token; show a reader who hears nothing that the stream lives."""
        if self._expires_at is not None and now >= self._expires_at:
            self._end("expired")
        elif self._wrote_at <= quiet_since and not self._outbox.held:
            self._outbox.push(self._piece(self._framing.heartbeat))

    def writable(self) -> None:
        """Go on writing."""
        self._outbox.drain()
        self._finish()

    def gone(self) -> None:
        """Let go of a reader that has left or stands still."""
        if self._ending == "gone":
            return
        self._ending = "gone"
        self._line.cut()
        if self._task is not None and not self._task.done():
            self._task.cancel()
        else:
            self._tidy()

    # What the outbox calls.

    @property
    def blocked(self) -> bool:
        """Whether the reader is slower than what was written to it."""
        return self._line.blocked

    def write_text(self, framed: bytes) -> None:
        """Write without waiting."""
        self._wrote_at = asyncio.get_running_loop().time()
        self._line.write(framed)

    # Between the source and the end.

    async def _feed(self, source: Source) -> None:
        """Take the answers of the source, as fast as they are written."""
        async with aclosing(source(self._take)) as answers:
            async for answer in answers:
                await self._outbox.put(self._framed(answer))
                del answer

    def _take(self, answer: Answer) -> bool:
        """Take an answer if there is room for it."""
        return self._outbox.offer(self._framed(answer))

    def _framed(self, answer: Answer) -> bytes:
        """An answer as it is written; made once for all who get this very answer in chunks."""
        if not answer.shared or not self._line.chunked:
            return self._piece(self._framing.of(answer))
        mark = self._framing.heartbeat
        if answer.framed is None or answer.framed[0] != mark:
            answer.framed = mark, self._piece(self._framing.of(answer))
        return answer.framed[1]

    def _piece(self, said: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(said), said) if self._line.chunked else said

    def _end(self, ending: str) -> None:
        if self._ending is None and self._task is not None:
            self._ending = ending
            self._task.cancel()

    def _fed(self, task: asyncio.Task[None]) -> None:
        """Say how it ends, now that the source is closed."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a stream failed outside its operation", exc_info=error)
        if self._ending == "gone":
            self._tidy()
            return
        last = self._last(error)
        if last:
            self._outbox.push(self._piece(last))
        self._finish()

    def _last(self, error: BaseException | None) -> bytes:
        framing = self._framing
        if error is not None:
            broken = errors_of("INTERNAL_SERVER_ERROR", "The stream broke: resume.")
            return framing.fault(broken) + framing.complete
        if self._ending == "expired":
            expired = errors_of("UNAUTHENTICATED", "The access token has expired.")
            return framing.fault(expired) + framing.complete
        return b"" if self._ending == "left" else framing.complete

    def _finish(self) -> None:
        """End the response once everything is written."""
        if self._task is None or not self._task.done() or self._outbox.held:
            return
        if self._over is not None:
            self._line.finish()
            self._tidy()

    def _tidy(self) -> None:
        self._office.watch.leave(self)
        self._outbox.close()
        over, self._over = self._over, None
        if over is not None:
            over()
