"""The way of one response past ASGI: what follows its head is written straight to the connection.

uvicorn gives every response a cycle, which waits in a task for as long as the response goes on, and
every chunk of it a dictionary and a coroutine. A response that streams writes its head as any
other, takes its line, and lets the task end; ten thousand quiet ones wait nowhere.
"""

from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl

LINE = "darkstore.line"
LAST_CHUNK = b"0\r\n\r\n"


class Speaker(Protocol):
    """Whoever writes to a line; nothing here may wait."""

    def writable(self) -> None:
        """The reader takes bytes again."""

    def gone(self) -> None:
        """The reader has left: nothing more can be said."""


class Silent:
    """Nobody waits for messages of ASGI past it."""

    @staticmethod
    def set() -> None:
        """There is nothing to tell."""


class Way(Protocol):
    """What a line needs of its connection: uvicorn's names."""

    cycle: Any
    flow: FlowControl
    headers: Any
    line: "Line | None"
    scope: Any
    transport: Any

    def on_response_complete(self) -> None:
        """Go on with the next request."""


class Line:
    """Stands where uvicorn's cycle was, from `take` until `finish`."""

    __slots__ = (
        "_cycle", "_way", "chunked", "disconnected", "keep_alive", "response_complete", "speaker",
    )  # fmt: skip

    message_event = Silent
    more_body = False

    def __init__(self, way: Way) -> None:
        self._way = way
        self._cycle: Any = way.cycle
        self.speaker: Speaker | None = None
        self.chunked = False
        """Whether pieces are written as chunks; older readers are told the end by the closing."""
        self.keep_alive = False
        self.disconnected = False
        self.response_complete = False

    def take(self, speaker: Speaker) -> bool:
        """Write from here on, the head being written; False when the reader has left already."""
        way, cycle = self._way, self._cycle
        if cycle.disconnected or way.transport.is_closing():
            return False
        self.speaker = speaker
        self.chunked = bool(cycle.chunked_encoding)
        self.keep_alive = cycle.keep_alive
        # For uvicorn the reader has left, and the task that answered may end.
        cycle.disconnected = True
        way.line = self
        if way.cycle is cycle:
            # Otherwise the next request waits behind this response already.
            way.cycle = self
        if way.scope is cycle.scope:
            # Otherwise they are of the next request, whose head is on its way.
            way.scope = way.headers = None
        self._cycle = None
        return True

    @property
    def blocked(self) -> bool:
        """Whether the reader is slower than what was written to it."""
        return self._way.flow.write_paused

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self.disconnected or bool(self._way.transport.is_closing())

    def write(self, framed: bytes) -> None:
        """Write what is in its chunk already, unless the connection is closed."""
        if not self.closed:
            self._way.transport.write(framed)

    def finish(self) -> None:
        """End the response; the connection may serve another request."""
        if self.chunked:
            self.write(LAST_CHUNK)
        self._leave()
        if not self.keep_alive:
            self._way.transport.close()
        self._way.on_response_complete()

    def cut(self) -> None:
        """End the response where it stands."""
        self._leave()
        self._way.transport.close()

    def _leave(self) -> None:
        self.speaker = None
        self.response_complete = True
        self._way.line = None


def line_of(scope: Scope) -> Line:
    """The way past ASGI; raises RuntimeError when the server was not told to use it."""
    found = scope.get("extensions", {}).pop(LINE, None)
    if not isinstance(found, Line):
        raise RuntimeError("serve with uvicorn's http=short_way(…)")
    return found
