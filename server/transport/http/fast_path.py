"""Fast path: answers a complete, small GraphQL POST inside the uvicorn protocol, bypassing ASGI.

Most requests are of this kind. They need no scope, messages and routing, which cost more than a
small operation does; an equal request head is not parsed again; an answer that needs no waiting
needs no task. Everything else (GET, streams, bodies in pieces, upgrades, pipelined requests) goes
through ASGI, and so does every other path. Both ways end at the same engine and produce the same
responses.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from typing import Any

from starlette.routing import BaseRoute, Route

from server.transport.connection_caps import ConnectionCaps
from server.transport.http.endpoint import GraphQLOverHTTP
from server.transport.http.fast_endpoint import FastEndpoint
from server.transport.http.fast_request import (
    MAX_FAST_BODY_BYTES,
    CachedRequestHead,
    FastRequest,
    RequestHead,
)
from server.transport.http.reply import HttpReply
from server.transport.limits import TransportLimits
from server.transport.uvicorn_internals.http_protocol import DirectResponse, HttpProtocol

CACHE_REQUEST_HEADS = True
"""Whether a request with the same head as the last one on its connection skips the parser."""

# Requests with these headers need ASGI.
ASGI_HEADERS = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
STREAM_MEDIA = (b"event-stream", b"multipart/")
_MAX_LENGTH_DIGITS = 5


def fast_path_protocol(
    routes: Iterable[BaseRoute],
    asgi_headers: Collection[str] = (),
    *,
    limits: TransportLimits | None = None,
    caps: ConnectionCaps | None = None,
    cache_heads: bool = CACHE_REQUEST_HEADS,
) -> type[asyncio.Protocol]:
    """Build the protocol for uvicorn's `http` that answers the GraphQL route among `routes`.

    Requests with a header named in `asgi_headers` go through ASGI, where middleware reads it.
    """
    own_limits, own_caps = limits or TransportLimits(), caps or ConnectionCaps()
    endpoints: list[tuple[str, Any]] = [
        (route.path, route.endpoint) for route in routes if isinstance(route, Route)
    ]
    graphql_path, graphql = next(
        (path, endpoint) for path, endpoint in endpoints if isinstance(endpoint, GraphQLOverHTTP)
    )

    class GraphQLFastPath(FastPathProtocol):
        path = graphql_path.encode()
        endpoint = graphql.fast
        asgi_only = ASGI_HEADERS.union(name.lower().encode() for name in asgi_headers)
        caches_heads = cache_heads
        limits = own_limits
        caps = own_caps

    return GraphQLFastPath


class FastExchange(DirectResponse):
    """A request of the fast path whose answer has to be waited for."""

    __slots__ = ("request", "task", "timed_out")

    def __init__(self, request: FastRequest, *, keep_alive: bool) -> None:
        super().__init__(keep_alive=keep_alive)
        self.request = request
        self.timed_out = False
        self.task: asyncio.Task[None] | None = None

    def time_out(self) -> None:
        """Cancel what takes too long."""
        self.timed_out = True
        if self.task is not None:
            self.task.cancel()

    def disconnect(self) -> None:
        """Cancel a query whose client has disconnected; a mutation goes on."""
        super().disconnect()
        if self.task is not None and self.request.cancelable:
            self.task.cancel()


class FastPathProtocol(HttpProtocol):
    """An HTTP connection that answers GraphQL requests by the fast path where it can."""

    path: bytes
    endpoint: FastEndpoint
    asgi_only: frozenset[bytes]
    caches_heads: bool

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._awaiting_body: RequestHead | None = None
        """The head of a request that takes the fast path once its body is there."""
        self._body = b""
        self._cached_head: CachedRequestHead | None = None
        self._between_requests = True
        """Whether no request is partly parsed, and every one before took the fast path."""
        self._parsed_head: RequestHead | None = None

    def data_received(self, data: bytes) -> None:
        cached = self._cached_head
        if cached is not None and self._between_requests and self.direct_response is None:
            body = cached.body_of(data)
            if body is not None:
                self._handle(cached.head, body, keep_alive=True)
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        starts_request = self._between_requests
        self._parsed_head = None
        super().data_received(data)
        if self._awaiting_body is not None and not self.transport.is_closing():
            # The rest of the body is still to come: ASGI waits for it.
            self._awaiting_body, body = None, self._body
            super().on_headers_complete()
            if body:
                self.body_bytes = 0
                super().on_body(body)
        elif starts_request and self._between_requests and self.caches_heads:
            self._cache_head(data)

    def _cache_head(self, data: bytes) -> None:
        """Remember the head of the request just parsed, if it was the only one in `data`."""
        if self._parsed_head is not None:
            self._cached_head = CachedRequestHead.of(self._parsed_head, data, self._body)

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._between_requests = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.check_head()
        self._awaiting_body = self._fast_head()
        if self._awaiting_body is not None:
            self._body = b""
            return
        super().on_headers_complete()
        if _accepts_stream(self.header_value(b"accept")):
            self.offer_chunked_writer()

    def on_body(self, body: bytes) -> None:
        if self._awaiting_body is None:
            super().on_body(body)
        else:
            self.body_bytes += len(body)
            self._body += body

    def on_message_complete(self) -> None:
        head, self._awaiting_body = self._awaiting_body, None
        if head is None:
            super().on_message_complete()
            return
        self.part = None
        keep_alive = self.keeps_alive
        self._between_requests = keep_alive
        self._parsed_head = head
        self._handle(head, self._body, keep_alive=keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_refused()
        super().connection_lost(exc)

    def on_refused(self) -> None:
        self._awaiting_body = self._cached_head = None

    def _fast_head(self) -> RequestHead | None:
        """The head of the request being received, if it may take the fast path."""
        headers = self.headers_of_plain_post(self.path)
        if headers is None or not self.asgi_only.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
            return None
        if int(length) > MAX_FAST_BODY_BYTES or _accepts_stream(headers.get(b"accept", b"")):
            return None
        return RequestHead(headers, self.request_client(headers.get(self.caps.proxies.header)))

    def _handle(self, head: RequestHead, body: bytes, *, keep_alive: bool) -> None:
        """Answer a request at once, or in a task if something has to be waited for."""
        request = FastRequest(head, body)
        reply = self.endpoint.begin(request)
        if isinstance(reply, HttpReply) and not self.write_blocked:
            self._write(request, reply, keep_alive)
            self.immediate_response_sent()
            return
        exchange = FastExchange(request, keep_alive=keep_alive)
        exchange.task = self.start_direct_response(exchange, self._answer(exchange, reply))

    async def _answer(
        self, exchange: FastExchange, begun: HttpReply | Awaitable[HttpReply]
    ) -> None:
        timer = self.loop.call_later(self.endpoint.seconds, exchange.time_out)
        try:
            reply = begun if isinstance(begun, HttpReply) else await begun
        except asyncio.CancelledError:
            if not exchange.timed_out or exchange.disconnected:
                raise
            reply = self.endpoint.timeout_reply(exchange.request)
        finally:
            timer.cancel()
            self.direct_response = None
        if self.write_blocked and not exchange.disconnected:
            await self.writable()
        if not exchange.disconnected:
            self._write(exchange.request, reply, exchange.keep_alive)
            exchange.response_complete = True
            self.on_response_complete()

    def _write(self, request: FastRequest, reply: HttpReply, keep_alive: bool) -> None:
        lines = self.server_lines(keep_alive=keep_alive)
        compressed = reply.compressed(request.head.encoding)
        self.transport.write(compressed.encode(lines, request.request_id))
        if not keep_alive:
            self.transport.close()


def _accepts_stream(accept: bytes) -> bool:
    lowered = accept.lower()
    return any(media in lowered for media in STREAM_MEDIA)
