"""A subscription as one streaming HTTP response, in the framing that its client accepts.

The head of the response goes through ASGI like any other. After it each answer is written straight
to the connection by whoever produces it, as long as the client keeps up; a slow client makes its
source wait.
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
from server.transport.limits import TransportLimits
from server.transport.rejection import single_error
from server.transport.send_queue import SendQueue
from server.transport.stream.stream_timer import StreamTimer
from server.transport.uvicorn_internals.chunked_writer import ChunkedWriter, chunked_writer_of

log = logging.getLogger(__name__)

AnswerSource = Callable[[Sink], AsyncGenerator[Answer, None]]


@dataclass(frozen=True, slots=True)
class StreamFraming:
    """How one kind of stream is written."""

    headers: Mapping[str, str]
    begin: bytes
    heartbeat: bytes
    complete: bytes
    """Tells that nothing will follow; not sent by a server that is about to stop."""
    piece: Callable[[Answer], bytes]
    """The bytes of one answer."""
    error_piece: Callable[[list[dict[str, Any]]], bytes]
    """The bytes of errors that end the stream itself."""


@dataclass(frozen=True, slots=True)
class StreamServices:
    """What all streams of a server share."""

    limits: TransportLimits
    connections: LiveConnections
    timer: StreamTimer


def single_answer_stream(answer: Answer, framing: StreamFraming) -> Response:
    """A whole stream of one answer, for a client that accepts streams only."""
    body = framing.begin + framing.piece(answer) + framing.complete
    return Response(body, 200, headers=framing.headers)


class StreamResponse(Response):
    """Streams a subscription until its source ends, its client leaves or its token expires.

    `expires_at` is a Unix time.
    """

    def __init__(
        self,
        source: AnswerSource,
        services: StreamServices,
        framing: StreamFraming,
        expires_at: float | None,
    ) -> None:
        super().__init__(None, 200, headers=framing.headers)
        # Starlette sets the length of an empty body; the length of this one is not known.
        del self.headers["content-length"]
        self._source = source
        self._services = services
        self._framing = framing
        self._expires_at = expires_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writer = chunked_writer_of(scope)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        stream = EventStream(writer, self._services, self._framing, self._expires_at)
        if writer.take_over(stream):
            client = scope["client"][0] if scope.get("client") else "unknown"
            stream.start(self._source, client)


class EventStream:
    """Writes the answers of one subscription to one client."""

    __slots__ = (
        "_ending", "_expires_at", "_framing", "_queue", "_services", "_task", "_unregister",
        "_writer", "_wrote_at",
    )  # fmt: skip

    def __init__(
        self,
        writer: ChunkedWriter,
        services: StreamServices,
        framing: StreamFraming,
        expires_at: float | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._writer = writer
        self._services = services
        self._framing = framing
        self._queue = SendQueue(self, services.limits, self.on_disconnect)
        self._ending: str | None = None
        self._wrote_at = loop.time()
        leeway = services.limits.clock_leeway_seconds
        left = None if expires_at is None else expires_at + leeway - time.time()
        self._expires_at = None if left is None else self._wrote_at + left
        self._task: asyncio.Task[None] | None = None
        self._unregister: Callable[[], None] | None = None

    def start(self, source: AnswerSource, client: str) -> None:
        """Begin to write the answers of the source to the client of an address."""
        self._unregister = self._services.connections.register(client, self.leave)
        self._services.timer.add(self)
        if self._framing.begin:
            self._queue.put_nowait(self._chunk(self._framing.begin))
        self._task = asyncio.get_running_loop().create_task(self._feed(source))
        self._task.add_done_callback(self._on_source_end)

    def leave(self) -> None:
        """End without the frame that tells the end, so that the client reconnects."""
        self._end("left")

    # Called by the timer and by the connection.

    def check(self, now: float, quiet_since: float) -> None:
        """End the stream when its token has expired; send a heartbeat on a quiet one."""
        if self._expires_at is not None and now >= self._expires_at:
            self._end("expired")
        elif self._wrote_at <= quiet_since and not self._queue.pending:
            self._queue.put_nowait(self._chunk(self._framing.heartbeat))

    def on_writable(self) -> None:
        """Go on writing."""
        self._queue.drain()
        self._finish()

    def on_disconnect(self) -> None:
        """Cut the connection of a client that has left or reads nothing."""
        if self._ending == "gone":
            return
        self._ending = "gone"
        self._writer.cut()
        if self._task is not None and not self._task.done():
            self._task.cancel()
        else:
            self._clean_up()

    # Called by the send queue.

    @property
    def blocked(self) -> bool:
        """Whether the client reads more slowly than is written to it."""
        return self._writer.blocked

    def write_frame(self, frame: bytes) -> None:
        """Write without waiting."""
        self._wrote_at = asyncio.get_running_loop().time()
        self._writer.write(frame)

    # Between the source and the end.

    async def _feed(self, source: AnswerSource) -> None:
        """Take the answers of the source as fast as they are written."""
        async with aclosing(source(self._take)) as answers:
            async for answer in answers:
                await self._queue.put(self._frame(answer))
                del answer

    def _take(self, answer: Answer) -> bool:
        """Take an answer if there is room for it."""
        return self._queue.try_put(self._frame(answer))

    def _frame(self, answer: Answer) -> bytes:
        """The frame of an answer; a shared answer is framed once for all streams of one kind."""
        if not answer.shared or not self._writer.chunked:
            return self._chunk(self._framing.piece(answer))
        key = self._framing.heartbeat
        if answer.cached_frame is None or answer.cached_frame[0] != key:
            answer.cached_frame = key, self._chunk(self._framing.piece(answer))
        return answer.cached_frame[1]

    def _chunk(self, piece: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self._writer.chunked else piece

    def _end(self, ending: str) -> None:
        if self._ending is None and self._task is not None:
            self._ending = ending
            self._task.cancel()

    def _on_source_end(self, task: asyncio.Task[None]) -> None:
        """Write the last frame, now that the source is closed."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a stream failed outside its operation", exc_info=error)
        if self._ending == "gone":
            self._clean_up()
            return
        last = self._last_piece(error)
        if last:
            self._queue.put_nowait(self._chunk(last))
        self._finish()

    def _last_piece(self, error: BaseException | None) -> bytes:
        framing = self._framing
        if error is not None:
            broken = single_error("INTERNAL_SERVER_ERROR", "The stream broke: resume.")
            return framing.error_piece(broken) + framing.complete
        if self._ending == "expired":
            expired = single_error("UNAUTHENTICATED", "The access token has expired.")
            return framing.error_piece(expired) + framing.complete
        return b"" if self._ending == "left" else framing.complete

    def _finish(self) -> None:
        """End the response once the source has ended and everything is written."""
        if self._task is None or not self._task.done() or self._queue.pending:
            return
        if self._unregister is not None:
            self._writer.finish()
            self._clean_up()

    def _clean_up(self) -> None:
        self._services.timer.remove(self)
        self._queue.close()
        unregister, self._unregister = self._unregister, None
        if unregister is not None:
            unregister()
