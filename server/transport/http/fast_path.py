"""The short way to the graph: a small POST that has arrived whole, answered without ASGI.

Nearly all that clients send is like that. It needs no scope, no messages and no routing, which cost
more than a small operation does. What a client sends again in the same words is not parsed again,
and what can be answered without waiting needs no task. All else (GET, streams, bodies in pieces,
upgrades, what passed a proxy, pipelined requests) goes the long way through the application, and so
does everything under another path. Both ways say the same: they end at the same `GraphQLOverHTTP`.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from typing import Any

from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.transport.http.endpoint import GraphQLOverHTTP
from server.transport.http.reply import Reply
from server.transport.http.request import SHORT_BODY_BYTES, Asked, Head, KnownHead
from server.transport.stream.chunked_writer import LINE, Line, Silent

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


class Exchange:
    """A request on the short way: what uvicorn's protocol knows of a request and its response."""

    __slots__ = ("asked", "disconnected", "keep_alive", "late", "response_complete", "task")

    message_event = Silent
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
        self._waiting: Head | None = None
        """The head of a request that may go the short way once its body is there."""
        self._body = b""
        self._exchange: Exchange | None = None
        self.line: Line | None = None
        """The response that streams past ASGI, if one does."""
        self._known: KnownHead | None = None
        self._between = True
        """Whether the parser has nothing begun, and all before went the short way."""
        self._whole: Head | None = None
        self._rested_at = 0.0
        self._dated: tuple[object, bytes] = (None, b"")

    def data_received(self, data: bytes) -> None:
        known = self._known
        if known is not None and self._between and self._exchange is None:
            body = known.body_of(data)
            if body is not None:
                self._hear(known.head, body, keep_alive=True)
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        alone = self._between
        self._whole = None
        super().data_received(data)
        if self._waiting is not None and not self.transport.is_closing():
            # The rest of the body is still on its way: the long way knows how to wait for it.
            self._waiting, body = None, self._body
            super().on_headers_complete()
            if body:
                super().on_body(body)
        elif alone and self._between:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        """Know the request again that has just been read, if it was one and came by itself."""
        if self._whole is not None:
            self._known = KnownHead.of(self._whole, data, self._body)

    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._waiting = self._short()
        if self._waiting is None:
            super().on_headers_complete()
            self._lay_line()
        else:
            self._body = b""

    def on_body(self, body: bytes) -> None:
        if self._waiting is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        head, self._waiting = self._waiting, None
        if head is None:
            super().on_message_complete()
            return
        keep_alive = self.parser.should_keep_alive()
        self._between = keep_alive
        self._whole = head
        self._hear(head, self._body, keep_alive=keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting = self._known = None
        if self._exchange is not None:
            self._exchange.leave()
        if self.line is not None and self.line.speaker is not None:
            self.line.speaker.gone()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def on_response_complete(self) -> None:
        self._rested_at = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.line is not None and self.line.speaker is not None:
            self.line.speaker.writable()

    def timeout_keep_alive_handler(self) -> None:
        # One timer, which looks how long nothing came, rather than another for each request.
        rest: float = self.timeout_keep_alive
        if self._exchange is None:
            rest -= self.loop.time() - self._rested_at
        if rest > 0:
            again = self.loop.call_later(rest, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = again
        else:
            super().timeout_keep_alive_handler()

    def _lay_line(self) -> None:
        """Leave the way past ASGI where a response that streams will look for it."""
        accept = b"".join(value for name, value in self.headers if name == b"accept")
        if _streams(accept):
            extensions: Any = {LINE: Line(self)}
            self.scope["extensions"] = extensions

    def _short(self) -> Head | None:
        """The head of the request when it may go the short way."""
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
        streams = _streams(headers.get(b"accept", b""))
        return Head(headers) if small and plain and not streams else None

    def _hear(self, head: Head, body: bytes, *, keep_alive: bool) -> None:
        """Answer a request at once, or by a task when something has to be waited for."""
        asked = Asked(head, body, self.client[0] if self.client else "unknown")
        begun = self.http.begin(asked)
        if isinstance(begun, Reply) and not self.flow.write_paused:
            self._write(asked, begun, keep_alive)
            self.server_state.total_requests += 1
            self._rest()
            return
        self.cycle = exchange = Exchange(asked, keep_alive)  # type: ignore[assignment] # what uvicorn asks of a cycle
        self._exchange = exchange
        exchange.task = task = self.loop.create_task(self._answer(exchange, begun))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, exchange: Exchange, begun: Reply | Awaitable[Reply]) -> None:
        timer = self.loop.call_later(self.http.seconds, exchange.expire)
        try:
            reply = begun if isinstance(begun, Reply) else await begun
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
            self._write(exchange.asked, reply, exchange.keep_alive)
            exchange.response_complete = True
            self.on_response_complete()

    def _write(self, asked: Asked, reply: Reply, keep_alive: bool) -> None:
        lines = self.server_state.default_headers  # another list each second
        if self._dated[0] is not lines:
            said = b"".join(b"%b: %b\r\n" % line for line in lines)
            self._dated = lines, said
        beside = self._dated[1]
        if not keep_alive:
            beside += b"connection: close\r\n"
        self.transport.write(reply.sent(beside, asked.request_id))
        if not keep_alive:
            self.transport.close()

    def _rest(self) -> None:
        """Nothing is under way: the time runs after which the connection closes."""
        self._rested_at = self.loop.time()
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = timer


def _streams(accept: bytes) -> bool:
    said = accept.lower()
    return any(kind in said for kind in STREAMS)
