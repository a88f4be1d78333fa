"""Writes a streaming response straight to its connection, bypassing ASGI after its head.

uvicorn runs every response as a "cycle", whose task waits for as long as the response goes on, and
passes every chunk as a dictionary through a coroutine. A streaming response sends its head through
ASGI, takes the connection over, and lets the task end: a quiet stream has no task in the server.
"""

from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl

EXTENSION = "darkstore.chunked_writer"
LAST_CHUNK = b"0\r\n\r\n"


class ResponseListener(Protocol):
    """Owns a response that bypasses ASGI; its methods must not block."""

    def on_writable(self) -> None:
        """The client reads again."""

    def on_disconnect(self) -> None:
        """The client has disconnected: nothing more can be written."""


class _NoEvent:
    """Stands for the event that wakes a cycle's task: nothing waits for it here."""

    @staticmethod
    def set() -> None:
        """Do nothing."""


class CycleStandIn:
    """What uvicorn's protocol reads and sets on its `cycle`, for a response that bypasses ASGI."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    message_event = _NoEvent
    more_body = False

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False


class HttpConnection(Protocol):
    """What a ChunkedWriter uses of its connection, by uvicorn's names."""

    cycle: Any
    flow: FlowControl
    headers: Any
    scope: Any
    transport: Any
    chunked_writer: "ChunkedWriter | None"

    def on_response_complete(self) -> None:
        """Go on with the next request."""


class ChunkedWriter(CycleStandIn):
    """Takes the place of uvicorn's cycle, from `take_over` until `finish` or `cut`."""

    __slots__ = ("_connection", "_cycle", "chunked", "listener")

    def __init__(self, connection: HttpConnection) -> None:
        super().__init__(keep_alive=False)
        self._connection = connection
        self._cycle: Any = connection.cycle
        self.listener: ResponseListener | None = None
        self.chunked = False
        """Whether the body is sent in chunks; for HTTP/1.0 its end is the end of the connection."""

    def take_over(self, listener: ResponseListener) -> bool:
        """Write from here on, the head being sent; False if the client has disconnected."""
        connection, cycle = self._connection, self._cycle
        if cycle.disconnected or connection.transport.is_closing():
            return False
        self.listener = listener
        self.chunked = bool(cycle.chunked_encoding)
        self.keep_alive = cycle.keep_alive
        # To uvicorn the client has disconnected, so the task of this response may end.
        cycle.disconnected = True
        connection.chunked_writer = self
        if connection.cycle is cycle:
            # Otherwise the next request waits behind this response already.
            connection.cycle = self
        if connection.scope is cycle.scope:
            # Otherwise they are of the next request, whose head is being received.
            connection.scope = connection.headers = None
        self._cycle = None
        return True

    @property
    def blocked(self) -> bool:
        """Whether the client reads more slowly than is written to it."""
        return self._connection.flow.write_paused

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self.disconnected or bool(self._connection.transport.is_closing())

    def write(self, chunk: bytes) -> None:
        """Write an encoded chunk, unless the connection is closed."""
        if not self.closed:
            self._connection.transport.write(chunk)

    def finish(self) -> None:
        """End the response; the connection may serve another request."""
        if self.chunked:
            self.write(LAST_CHUNK)
        self._release()
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.on_response_complete()

    def cut(self) -> None:
        """Close the connection in the middle of the response."""
        self._release()
        self._connection.transport.close()

    def _release(self) -> None:
        self.listener = None
        self.response_complete = True
        self._connection.chunked_writer = None


def chunked_writer_of(scope: Scope) -> ChunkedWriter:
    """The writer of a response; raises RuntimeError when the server does not offer one."""
    writer = scope.get("extensions", {}).pop(EXTENSION, None)
    if not isinstance(writer, ChunkedWriter):
        raise RuntimeError("serve with uvicorn's http=fast_path_protocol(…)")
    return writer
