"""uvicorn's WebSocket protocol without ASGI between its handshake and its close.

uvicorn gives every socket a queue, a task and a stack of ASGI calls that wait for as long as it is
open, and every message two dictionaries and a coroutine. Here an accepted socket passes each text
to its listener and writes what it is given, both without waiting, so ten thousand quiet sockets
have no task. Use it as uvicorn's `ws=websocket_protocol(caps)`.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request, Response

from server.transport.connection_caps import ConnectionCaps
from server.transport.limits import MAX_CLOSING_BYTES

if TYPE_CHECKING:
    from asyncio import Transport

EXTENSION = "darkstore.direct_websocket"
WRITE_BUFFER_BYTES = 64 * 1024


class SocketListener(Protocol):
    """Owns an accepted socket; its methods must not block."""

    def on_text(self, text: str) -> None:
        """A text message has been received."""

    def on_binary(self) -> None:
        """A binary message has been received."""

    def on_control(self, size_bytes: int) -> None:
        """A ping, a pong or a further piece of a message has been received."""

    def on_writable(self) -> None:
        """The client reads again."""

    def on_disconnect(self) -> None:
        """The client has closed, vanished or violated the protocol: nothing can be sent."""


class _QueueAdapter:
    """Takes the place of uvicorn's queue of ASGI messages, and passes them to the listener."""

    __slots__ = ("listener",)

    def __init__(self, listener: SocketListener) -> None:
        self.listener: SocketListener | None = listener

    def put_nowait(self, message: dict[str, Any]) -> None:
        listener = self.listener
        if listener is None:
            return
        if message["type"] != "websocket.receive":
            self.listener = None
            listener.on_disconnect()
        elif (text := message.get("text")) is not None:
            listener.on_text(text)
        else:
            listener.on_binary()


class _WritableFlag:
    """Takes the place of uvicorn's `writable` event, which costs more: nothing waits for it."""

    __slots__ = ("_writable",)

    def __init__(self) -> None:
        self._writable = True

    def is_set(self) -> bool:
        return self._writable

    def set(self) -> None:
        self._writable = True

    def clear(self) -> None:
        self._writable = False


class DirectWebSocket(WebSocketsSansIOProtocol):
    """One socket. After `attach` it reads and writes without ASGI and without a task."""

    transport: "Transport"
    caps = ConnectionCaps()
    _attached = False
    _closing = False
    _closing_bytes = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        send = self.conn.send_response

        def send_with_headers(response: Response) -> None:
            """Add the header lines of every response, which uvicorn leaves out of refusals."""
            for name, value in self.default_headers:
                if name.decode() not in response.headers:
                    response.headers[name.decode()] = value.decode("latin-1")
            send(response)

        self.conn.send_response = send_with_headers  # type: ignore[method-assign] # until attached

    def attach(self, listener: SocketListener) -> None:
        """Pass every message to `listener`, beginning with those received since the handshake."""
        waiting = self.queue
        self._attached = True
        adapter: Any = _QueueAdapter(listener)
        self.queue = adapter
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        while not waiting.empty():
            adapter.put_nowait(waiting.get_nowait())
        if self.read_paused:
            self.transport.resume_reading()
        # Marked as paused, so that uvicorn does not pause reading at every message.
        self.read_paused = True
        self.writable = _WritableFlag()  # type: ignore[assignment] # nothing waits for it here
        # Only the handshake needed these.
        self.request.headers.clear()
        self.scope = {}  # type: ignore[typeddict-item] # emptied on purpose
        del self.request, self.response, self.conn.send_response

    @property
    def blocked(self) -> bool:
        """Whether the client reads more slowly than is written to it."""
        return not self.writable.is_set()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self.close_sent or self.disconnected or self.transport.is_closing()

    def write_frame(self, frame: bytes) -> None:
        """Write an encoded frame, unless the socket is closed."""
        if not self.closed:
            self.transport.write(frame)

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
        self.close_sent = self._closing = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    # Called by uvicorn.

    def connection_lost(self, exc: Exception | None) -> None:
        self.caps.release(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        self._name_client(event)
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment] # any value is allowed

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._closing_bytes += len(data)
            if self._closing_bytes > MAX_CLOSING_BYTES:
                self.transport.abort()
                return
        super().data_received(data)

    def handle_ping(self) -> None:
        self._count_control(0)
        if self.blocked or self.close_sent:
            # A client that sends pings and reads nothing: only the last one needs a pong.
            self.conn.data_to_send()
            return
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        self._count_control(len(event.data))

    def handle_cont(self, event: Frame) -> None:
        self._count_control(len(event.data))
        super().handle_cont(event)

    def _count_control(self, size_bytes: int) -> None:
        adapter: Any = self.queue
        if self._attached and adapter.listener is not None:
            adapter.listener.on_control(size_bytes)

    def _name_client(self, event: Request) -> None:
        """Take the client's address from the header of a trusted proxy."""
        proxies = self.caps.proxies
        forwarded = ",".join(event.headers.get_all(proxies.header.decode()))
        if forwarded and self.client and proxies.trusts(self.client[0]):
            self.client = (proxies.client_of(forwarded), 0)

    def resume_writing(self) -> None:
        super().resume_writing()
        adapter: Any = self.queue
        if self._attached and adapter.listener is not None:
            adapter.listener.on_writable()

    async def run_asgi(self) -> None:
        """Run the ASGI application, which accepts the socket; an attached socket outlives it."""
        transport = self.transport
        try:
            await self.app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            transport.close()
            raise
        except Exception:
            self.logger.exception("a socket's handshake failed")
            self.send_500_response()
            self._attached = False
        if not self._attached and self.close_timer is None:
            transport.close()


def websocket_protocol(own_caps: ConnectionCaps) -> type[DirectWebSocket]:
    """Build the protocol for uvicorn's `ws` whose sockets count among these connections."""

    class CappedWebSocket(DirectWebSocket):
        caps = own_caps

    return CappedWebSocket


def direct_websocket_of(socket: WebSocket) -> DirectWebSocket:
    """The protocol of a socket; raises RuntimeError when the server was started without it."""
    direct = socket.scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(direct, DirectWebSocket):
        raise RuntimeError("serve with uvicorn's ws=websocket_protocol(…)")
    return direct
