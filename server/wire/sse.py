"""Answers as server-sent events: the distinct-connections mode of the graphql-sse protocol."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution import Answer, Engine, Prepared
from server.wire.connections import LiveConnections
from server.wire.contexts import Opened
from server.wire.limits import WireLimits
from server.wire.operation import Operation
from server.wire.rejected import errors_of

log = logging.getLogger(__name__)

# LF only: readers in the field split events at a blank line and take a CR for part of the data.
HEARTBEAT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-store",
    "vary": "accept",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}

_SLEEP_MAX_SECONDS = 30 * 24 * 3600.0

Source = Callable[[], AsyncGenerator[Answer, None]]


def subscription_stream(
    engine: Engine,
    prepared: Prepared,
    operation: Operation,
    opened: Opened,
    limits: WireLimits,
    connections: LiveConnections,
) -> Response:
    """Answer the response that streams a subscription until it, its reader or its token ends."""
    source = partial(engine.subscribe, prepared, operation.variables, opened.context)
    return _EventStream(source, limits, connections, opened.expires_at)


def answer_stream(answer: Answer, limits: WireLimits, connections: LiveConnections) -> Response:
    """Answer a single result to a reader of event streams only: one event, then complete."""
    return _EventStream(partial(_once, answer), limits, connections, None)


async def _once(answer: Answer) -> AsyncGenerator[Answer, None]:
    yield answer


def event_of(answer: Answer) -> bytes:
    """Answer one `next` event; it carries the cursor of what it tells as its id."""
    return _id_line(answer.data) + _next(answer.encode())


def _next(payload: bytes) -> bytes:
    return b"event: next\ndata: " + payload + b"\n\n"


def _id_line(data: object) -> bytes:
    if not isinstance(data, dict) or len(data) != 1:
        return b""
    (root,) = data.values()
    cursor = root.get("cursor") if isinstance(root, dict) else None
    # An id of several lines would forge fields of the stream; no cursor of ours has one.
    if not isinstance(cursor, str) or not cursor.isprintable():
        return b""
    return b"id: " + cursor.encode() + b"\n"


class _Stalled(Exception):
    """The reader took nothing for longer than a stream waits."""


class _EventStream(Response):
    def __init__(
        self,
        source: Source,
        limits: WireLimits,
        connections: LiveConnections,
        expires_at: float | None,
    ) -> None:
        super().__init__(None, 200, headers=_HEADERS)
        # Starlette counts an empty body; the length of this one is not known.
        del self.headers["content-length"]
        self._source = source
        self._limits = limits
        self._connections = connections
        self._expires_at = expires_at
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leave = asyncio.Event()
        with self._connections.held(leave.set):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            endings: set[asyncio.Task[Any]] = {
                asyncio.create_task(self._feed(send), name="fed"),
                asyncio.create_task(_sleep_until(self._expires_at), name="expired"),
                asyncio.create_task(leave.wait(), name="left"),
                asyncio.create_task(disconnected(receive), name="gone"),
            }
            try:
                ending = await self._first_of(endings, send)
            except _Stalled:
                ending = "gone"
            finally:
                await _stop(endings)
            with suppress(_Stalled):
                await self._finish(ending, send)

    async def _finish(self, ending: str, send: Send) -> None:
        if ending == "gone":
            return
        # A server that leaves sends no `complete`: the reader then comes back for the rest.
        last = b""
        if ending == "expired":
            payload = {"errors": errors_of("UNAUTHENTICATED", "The access token has expired.")}
            last = _next(orjson.dumps(payload)) + COMPLETE
        await self._send(send, last, more=False)

    async def _first_of(self, endings: set[asyncio.Task[Any]], send: Send) -> str:
        while True:
            done, _ = await asyncio.wait(
                endings,
                timeout=self._limits.stream_heartbeat_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                return "gone" if task.exception() else task.get_name()
            if not self._turn.locked():
                await self._send(send, HEARTBEAT)

    async def _feed(self, send: Send) -> None:
        try:
            async with aclosing(self._source()) as answers:
                async for answer in answers:
                    await self._send(send, event_of(answer))
        except (OSError, _Stalled):
            raise
        except Exception:
            log.exception("a stream failed outside its operation")
            payload = {"errors": errors_of("INTERNAL_SERVER_ERROR", "The stream broke: resume.")}
            await self._send(send, _next(orjson.dumps(payload)))
        await self._send(send, COMPLETE)

    async def _send(self, send: Send, chunk: bytes, *, more: bool = True) -> None:
        # The server makes a write wait while the reader's buffers are full, which pauses the
        # generator behind it; a reader who stands still for too long is let go.
        try:
            async with asyncio.timeout(self._limits.stalled_seconds), self._turn:
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            raise _Stalled from None


async def disconnected(receive: Receive) -> None:
    """Return when the reader is gone; the request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sleep_until(unix_seconds: float | None) -> None:
    if unix_seconds is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(min(unix_seconds - time.time(), _SLEEP_MAX_SECONDS))


async def _stop(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
