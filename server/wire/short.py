"""The short way to the graph: a small POST that has arrived whole, answered without ASGI.

Nearly all that clients send is like that. It needs no scope, no messages and no routing, which cost
more than a small operation does. All else (GET, streams, bodies in pieces, upgrades, what passed a
proxy, pipelined requests) goes the long way through the application, and so does everything under
another path. Both ways say the same: they end at the same `GraphQLOverHTTP`.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from server.wire.http import Asked, GraphQLOverHTTP
from server.wire.reply import Reply

SHORT_BODY_BYTES = 60 * 1024
# What these ask for is the long way's to do.
LONG_WAY = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"x-forwarded-for", b"x-forwarded-proto"}
)
STREAMS = (b"event-stream", b"multipart/")


def short_way(routes: Iterable[BaseRoute], beside: Collection[str] = ()) -> type[asyncio.Protocol]:
    """The protocol for uvicorn's `http` that knows the graph among these routes.

    Requests with a header named in `beside` go the long way: middleware looks at it.
    """
    ends: list[tuple[str, Any]] = [(r.path, r.endpoint) for r in routes if isinstance(r, Route)]
    at, graph = next(one for one in ends if isinstance(one[1], GraphQLOverHTTP))

    class GraphProtocol(ShortWay):
        path = at.encode()
        http = graph
        long_way = LONG_WAY.union(name.lower().encode() for name in beside)

    return GraphProtocol


class _Silent:
    """Nobody waits for messages on the short way."""

    @staticmethod
    def set() -> None:
        """There is nothing to tell."""


class Exchange:
    """A request on the short way: what uvicorn's protocol knows of a request and its response."""

    __slots__ = ("asked", "disconnected", "keep_alive", "late", "response_complete", "task")

    message_event = _Silent
    more_body = False

    def __init__(self, asked: Asked, keep_alive: bool) -> None:
        self.asked = asked
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.late = False
        self.task: asyncio.Task[None] | None = None

    def expire(self) -> None:
        """The time for an answer is over."""
        self.late = True
        if self.task is not None:
            self.task.cancel()

    def leave(self) -> None:
        """The reader has left: a query ends, a mutation goes on."""
        self.disconnected = True
        if self.task is not None and self.asked.reads:
            self.task.cancel()


class ShortWay(HttpToolsProtocol):
    """uvicorn's protocol, with the short way in front of it."""

    path: bytes
    http: GraphQLOverHTTP
    long_way: frozenset[bytes]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: dict[bytes, bytes] | None = None
        """The headers of a request that may go the short way once its body is there."""
        self._body = b""
        self._exchange: Exchange | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._waiting is not None and not self.transport.is_closing():
            # The rest of the body is still on its way: the long way knows how to wait for it.
            self._waiting, body = None, self._body
            super().on_headers_complete()
            if body:
                super().on_body(body)

    def on_headers_complete(self) -> None:
        self._waiting = self._short()
        if self._waiting is None:
            super().on_headers_complete()
        else:
            self._body = b""

    def on_body(self, body: bytes) -> None:
        if self._waiting is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        headers, self._waiting = self._waiting, None
        if headers is None:
            super().on_message_complete()
            return
        client = self.client[0] if self.client else "unknown"
        asked = Asked(headers, self._body, client)
        self.cycle = exchange = Exchange(asked, self.parser.should_keep_alive())  # type: ignore[assignment] # what uvicorn asks of a cycle
        self._exchange = exchange
        exchange.task = task = self.loop.create_task(self._answer(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting = None
        if self._exchange is not None:
            self._exchange.leave()
        super().connection_lost(exc)

    def _short(self) -> dict[bytes, bytes] | None:
        """The headers by name when the request may go the short way."""
        if self.url != self.path or self.parser.get_method() != b"POST":
            return None
        before: Any = self.cycle  # None before the first request
        if self._exchange is not None or (before is not None and not before.response_complete):
            return None
        headers = dict(self.headers)
        if len(headers) != len(self.headers) or not self.long_way.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"")
        small = length.isdigit() and len(length) < 6 and int(length) <= SHORT_BODY_BYTES
        plain = self.parser.get_http_version() == "1.1" and self.limit_concurrency is None
        accept = headers.get(b"accept", b"")
        streams = any(kind in accept for kind in STREAMS)
        return headers if small and plain and not streams else None

    async def _answer(self, exchange: Exchange) -> None:
        timer = self.loop.call_later(self.http.seconds, exchange.expire)
        try:
            reply = await self.http.answer(exchange.asked)
        except asyncio.CancelledError:
            if not exchange.late or exchange.disconnected:
                raise
            reply = self.http.too_late(exchange.asked)
        finally:
            timer.cancel()
            self._exchange = None
        if self.flow.write_paused and not exchange.disconnected:
            await self.flow.drain()
        if not exchange.disconnected:
            self._write(exchange, reply)

    def _write(self, exchange: Exchange, reply: Reply) -> None:
        head = [STATUS_LINE[reply.status]]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        head += (reply.head, b"" if exchange.keep_alive else b"connection: close\r\n")
        self.transport.write(b"%b\r\n%b" % (b"".join(head), reply.body))
        exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()
