"""The WebSocket protocol of our server: uvicorn's handshake and closing, our own way in between.

uvicorn gives every socket a queue, a task and a stack of ASGI calls that wait in it for as long as
it is open, and every message two dictionaries and a coroutine. Here a socket that was accepted
hands each text to its listener and writes what it is given, both without waiting, so that ten
thousand quiet sockets have no task at all. Use it by uvicorn's `ws=DirectSocket`.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

if TYPE_CHECKING:
    from asyncio import Transport

DIRECT = "darkstore.direct"
WRITE_BUFFER_BYTES = 64 * 1024


class Hearer(Protocol):
    """Whoever a socket belongs to once it is accepted; nothing here may wait."""

    def hear(self, text: str) -> None:
        """Take a text from the client."""

    def hear_binary(self) -> None:
        """The client has sent what is no text."""

    def writable(self) -> None:
        """The client reads again."""

    def gone(self) -> None:
        """The client has closed, vanished or broken the protocol: nothing more can be said."""


class _Ears:
    """Stands where uvicorn's queue was, and passes on what would have waited there."""

    __slots__ = ("hearer",)

    def __init__(self, hearer: Hearer) -> None:
        self.hearer: Hearer | None = hearer

    def put_nowait(self, message: dict[str, Any]) -> None:
        hearer = self.hearer
        if hearer is None:
            return
        if message["type"] != "websocket.receive":
            self.hearer = None
            hearer.gone()
        elif (text := message.get("text")) is not None:
            hearer.hear(text)
        else:
            hearer.hear_binary()


class _Gate:
    """Stands where uvicorn's event was, which has room for those who wait."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open = True

    def is_set(self) -> bool:
        return self._open

    def set(self) -> None:
        self._open = True

    def clear(self) -> None:
        self._open = False


class DirectSocket(WebSocketsSansIOProtocol):
    """One socket. After `attach` it reads and writes without ASGI, and lives without a task."""

    transport: "Transport"
    _attached = False

    def attach(self, hearer: Hearer) -> None:
        """Hand all that comes to `hearer`, beginning with what has come since the handshake."""
        waiting = self.queue
        self._attached = True
        ears: Any = _Ears(hearer)
        self.queue = ears
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        while not waiting.empty():
            ears.put_nowait(waiting.get_nowait())
        if self.read_paused:
            self.transport.resume_reading()
        # Said to be paused, so that uvicorn does not pause it at every message: none waits here.
        self.read_paused = True
        self.writable = _Gate()  # type: ignore[assignment] # nobody waits for it here
        # What the handshake needed, and nobody asks for again.
        self.request.headers.clear()
        self.scope = {}  # type: ignore[typeddict-item] # nothing is left in it on purpose
        del self.request, self.response

    @property
    def blocked(self) -> bool:
        """Whether the client is slower than what was written to it."""
        return not self.writable.is_set()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self.close_sent or self.disconnected or self.transport.is_closing()

    def write_text(self, framed: bytes) -> None:
        """Write a text that is in its frame already, unless the socket is closed."""
        if not self.closed:
            self.transport.write(framed)

    def close(self, code: int, reason: str) -> None:
        """Begin to close; a peer that does not answer is cut off a little later."""
        if self.closed:
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            self.transport.close()
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    # What uvicorn calls.

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][DIRECT] = self  # type: ignore[assignment] # ASGI leaves room here

    def resume_writing(self) -> None:
        super().resume_writing()
        ears: Any = self.queue
        if self._attached and ears.hearer is not None:
            ears.hearer.writable()

    async def run_asgi(self) -> None:
        """As uvicorn's, but a socket that was attached outlives the call that accepted it."""
        transport = self.transport
        try:
            await self.app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            transport.close()
            raise
        except Exception:
            self.logger.exception("a socket's handshake broke")
            self.send_500_response()
            self._attached = False
        if not self._attached and self.close_timer is None:
            transport.close()


def direct_of(socket: WebSocket) -> DirectSocket:
    """The way past ASGI; raises RuntimeError when the server was not told to use it."""
    found = socket.scope.get("extensions", {}).get(DIRECT)
    if not isinstance(found, DirectSocket):
        raise RuntimeError("serve with uvicorn's ws=DirectSocket")
    return found
