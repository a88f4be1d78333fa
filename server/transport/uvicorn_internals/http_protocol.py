"""uvicorn's HTTP protocol, with responses that bypass ASGI beside those that go through it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from server.transport.uvicorn_internals.bounded_protocol import BoundedHttpProtocol
from server.transport.uvicorn_internals.chunked_writer import (
    EXTENSION,
    ChunkedWriter,
    CycleStandIn,
)


class DirectResponse(CycleStandIn):
    """A response that a task prepares and that bypasses ASGI."""

    __slots__ = ()

    def disconnect(self) -> None:
        """The client has disconnected."""
        self.disconnected = True


class HttpProtocol(BoundedHttpProtocol):
    """One HTTP connection. Subclasses decide which requests bypass ASGI."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.direct_response: DirectResponse | None = None
        """The response in preparation that bypasses ASGI, if there is one."""
        self.chunked_writer: ChunkedWriter | None = None
        """The response that streams past ASGI, if there is one."""
        self._trusted_proxy = False
        self._encoded_lines: tuple[object, bytes] = (None, b"")

    # The request that is being received.

    def headers_of_plain_post(self, path: bytes) -> dict[bytes, bytes] | None:
        """Headers of a POST to `path` by HTTP/1.1, received while no other response is pending.

        None for any other request, and for one with a repeated header.
        """
        if self.url != path or self.parser.get_method() != b"POST":
            return None
        previous: Any = self.cycle  # None before the first request
        if self.direct_response is not None or not (previous is None or previous.response_complete):
            return None
        if self.parser.get_http_version() != "1.1" or self.limit_concurrency is not None:
            return None
        headers = dict(self.headers)
        return headers if len(headers) == len(self.headers) else None

    def header_value(self, name: bytes) -> bytes:
        """All values of a header of the request, joined by commas."""
        return b",".join(value for header, value in self.headers if header == name)

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection stays open after the request that has been received."""
        return bool(self.parser.should_keep_alive())

    def request_client(self, forwarded: bytes | None) -> str:
        """The client's address: the peer, or whom a trusted proxy names in its header."""
        if not forwarded or not self._trusted_proxy:
            return self.client_address
        return self.caps.proxies.client_of(forwarded.decode("latin-1"))

    def offer_chunked_writer(self) -> None:
        """Let the response to this request take the connection over."""
        extensions: Any = {EXTENSION: ChunkedWriter(self)}
        self.scope["extensions"] = extensions

    # Responses that bypass ASGI.

    @property
    def write_blocked(self) -> bool:
        """Whether the client reads more slowly than is written to it."""
        return self.flow.write_paused

    async def writable(self) -> None:
        """Wait until the client reads again."""
        await self.flow.drain()

    def server_lines(self, *, keep_alive: bool) -> bytes:
        """Encoded header lines that uvicorn adds to every response, such as the date."""
        lines = self.server_state.default_headers  # a new list each second
        if self._encoded_lines[0] is not lines:
            encoded = b"".join(b"%b: %b\r\n" % line for line in lines)
            self._encoded_lines = lines, encoded
        server_lines = self._encoded_lines[1]
        return server_lines if keep_alive else server_lines + b"connection: close\r\n"

    def start_direct_response(
        self, response: DirectResponse, preparing: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Prepare a response in a task; `preparing` sets `direct_response` to None at its end."""
        self.cycle = response  # type: ignore[assignment] # has what uvicorn reads of a cycle
        self.direct_response = response
        task = self.loop.create_task(preparing)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def immediate_response_sent(self) -> None:
        """Count a response that needed no task, and start the keep-alive time."""
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self._timer is None:
            self.watch_idle()

    # Called by uvicorn and by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        super().connection_made(transport)
        self._trusted_proxy = self.caps.proxies.trusts(self.client_address)

    def on_headers_complete(self) -> None:
        if self._trusted_proxy and (forwarded := self.header_value(self.caps.proxies.header)):
            self.scope["client"] = (self.request_client(forwarded), 0)
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.direct_response is not None:
            self.direct_response.disconnect()
        if self.chunked_writer is not None and self.chunked_writer.listener is not None:
            self.chunked_writer.listener.on_disconnect()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.chunked_writer is not None and self.chunked_writer.listener is not None:
            self.chunked_writer.listener.on_writable()
