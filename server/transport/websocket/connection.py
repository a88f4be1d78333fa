"""One graphql-transport-ws connection, from its first frame to its close."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from execution import Engine
from server.transport.authentication import (
    AuthenticatedCaller,
    Authentication,
    AuthenticationFailure,
    CallerAuthenticator,
    authentication_of,
)
from server.transport.document_lookup import DocumentLookup
from server.transport.limits import TransportLimits
from server.transport.send_queue import FrameWriter, SendQueue
from server.transport.websocket import frames
from server.transport.websocket.connection_init import init_headers
from server.transport.websocket.frame_payment import FramePayment
from server.transport.websocket.frames import CloseSocket
from server.transport.websocket.operations import SocketOperations
from server.transport.websocket.socket_timers import SocketTimers
from services.core.token_bucket import TokenBucket

log = logging.getLogger(__name__)

_FAILED = CloseSocket(frames.TRY_AGAIN, "something broke: try again")
_STALLED = CloseSocket(frames.TIMED_OUT, "the client reads too slowly")


class ServerSocket(FrameWriter, Protocol):
    """The socket as a connection uses it."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""


class GraphQLWSConnection:
    """Speaks the protocol with one client; calls `closed` when everything is cleaned up.

    A quiet connection has no task: messages are handled by callbacks.
    """

    __slots__ = (
        "_authenticating", "_authenticator", "_bucket", "_client", "_closed", "_ending", "_engine",
        "_headers", "_init_seen", "_limits", "_loop", "_operations", "_payment", "_queue",
        "_renewing", "_socket", "_timers", "_unwatch", "_waiting_frames",
    )  # fmt: skip

    def __init__(
        self,
        socket: ServerSocket,
        upgrade_headers: Mapping[str, str],
        client: str,
        engine: Engine,
        authenticator: CallerAuthenticator,
        limits: TransportLimits,
        documents: DocumentLookup,
        closed: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._headers = upgrade_headers
        self._init_seen = False
        self._client = client
        self._engine = engine
        self._authenticator = authenticator
        self._limits = limits
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._queue = SendQueue(socket, limits, lambda: self.end(_STALLED))
        self._operations = SocketOperations(engine, self._queue, limits, documents)
        self._waiting_frames: tuple[frames.Frame, ...] = ()
        self._renewing = False
        self._unwatch: Callable[[], None] | None = None
        self._payment = FramePayment(engine, authenticator, client)
        self._authenticating: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._bucket = TokenBucket(limits.socket_messages, self._loop.time())
        self._timers = SocketTimers(self._queue, limits, self.end)

    def end(self, close: CloseSocket | None) -> None:
        """Close the socket with a code; only clean up, with None, when the client is gone."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._end(close))

    @property
    def _caller(self) -> AuthenticatedCaller | None:
        return self._payment.caller

    # Called by the socket.

    def on_disconnect(self) -> None:
        """Clean up after a client that has disconnected."""
        self.end(None)

    def on_writable(self) -> None:
        """Go on writing."""
        self._queue.drain()

    def on_binary(self) -> None:
        """Close: the protocol has no binary messages."""
        self.end(CloseSocket(frames.BAD_REQUEST, "binary frames are not supported"))

    def on_control(self, size_bytes: int) -> None:
        """Let a control frame or a further piece of a message be paid for."""
        if self._ending is None:
            try:
                self._payment.charge_signal(size_bytes, self._loop.time())
            except CloseSocket as close:
                self.end(close)

    def on_text(self, text: str) -> None:
        """Handle one message; a malformed one closes the socket."""
        if self._ending is not None:
            return
        received_at = self._timers.received()
        try:
            if not self._bucket.try_take(1, received_at):
                raise CloseSocket(frames.TOO_MANY_REQUESTS, "too many messages")
            raw = frames.frame_bytes(text, self._limits)
            self._payment.charge_size(len(raw))
            frame = frames.parse_frame(raw, self._limits)
            if not isinstance(frame, frames.Subscribe):
                self._payment.charge_signal(len(raw), received_at)
            self._handle(frame)
        except CloseSocket as close:
            self.end(close)
        except Exception:
            log.exception("a socket failed")
            self.end(_FAILED)

    def _handle(self, frame: frames.Frame) -> None:
        match frame:
            case frames.ConnectionInit(payload):
                self._init(payload)
            case frames.Ping(payload) if self._caller is not None and "authorization" in payload:
                self._renew(frame, payload)
            case frames.Ping():
                self._queue.put_nowait(frames.PONG)
            case frames.Pong():
                pass
            case frames.Subscribe() | frames.Complete() if self._authenticating:
                self._postpone(frame)
            case frames.Subscribe():
                if self._caller is None:
                    message = "unauthorized: connection_init comes first"
                    raise CloseSocket(frames.UNAUTHORIZED, message)
                self._admit(frame)
            case frames.Complete(id):
                self._operations.stop(id)

    def _postpone(self, frame: frames.Frame) -> None:
        """Handle a frame once the caller is authenticated, in the order of the frames."""
        if len(self._waiting_frames) >= self._limits.socket_operations_count:
            raise CloseSocket(frames.TOO_MANY_REQUESTS, "too many messages")
        self._waiting_frames = (*self._waiting_frames, frame)

    def _init(self, payload: dict[str, Any]) -> None:
        if self._init_seen:
            raise CloseSocket(frames.TOO_MANY_REQUESTS, "too many initialisation requests")
        self._init_seen = True
        headers = init_headers(self._headers, payload)
        self._authenticating = self._loop.create_task(self._authenticate(headers, None))

    def _admit(self, frame: frames.Subscribe) -> None:
        """Start an operation if its caller may still send it: a session may have been revoked."""
        admission = self._authenticator.authenticate(self._headers, client=self._client)
        if isinstance(admission, AuthenticatedCaller):
            self._operations.start(frame.id, frame.operation, admission.context)
        else:
            self._authenticating = self._loop.create_task(self._admit_later(frame, admission))

    async def _admit_later(
        self, frame: frames.Subscribe, admission: Awaitable[Authentication]
    ) -> None:
        try:
            caller = await admission
        except Exception:
            log.exception("a socket failed")
            self.end(_FAILED)
            return
        self._authenticating = None
        if self._ending is not None:
            return
        if isinstance(caller, AuthenticatedCaller):
            self._go_on(partial(self._operations.start, frame.id, frame.operation, caller.context))
        elif caller.is_transient:
            self._go_on(partial(self._operations.reject, frame.id, caller.errors()))
        else:
            self._revoke(caller.message)

    def _revoke(self, reason: str) -> None:
        """Close the socket of a caller whose session, secret or roles were revoked."""
        self.end(CloseSocket(frames.FORBIDDEN, reason))

    def _renew(self, frame: frames.Frame, payload: dict[str, Any]) -> None:
        """Replace the token before it expires: streams go on, later operations use the new one.

        One at a time: the limit on messages bounds how often a client can do it.
        """
        if self._renewing:
            raise CloseSocket(frames.TOO_MANY_REQUESTS, "one token at a time")
        if self._authenticating is not None:
            self._postpone(frame)
            return
        self._renewing = True
        headers = init_headers(self._headers, {"authorization": payload["authorization"]})
        self._authenticating = self._loop.create_task(self._authenticate(headers, self._caller))

    async def _authenticate(
        self, headers: Mapping[str, str], previous: AuthenticatedCaller | None
    ) -> None:
        try:
            caller = await authentication_of(self._authenticator, headers, self._client)
        except Exception:
            log.exception("a socket failed")
            self.end(_FAILED)
            return
        self._authenticating, self._renewing = None, False
        if self._ending is not None:
            return
        if isinstance(caller, AuthenticationFailure):
            self._refuse(caller)
        elif previous is not None and caller.identity != previous.identity:
            self.end(CloseSocket(frames.FORBIDDEN, "a socket belongs to one person"))
        elif (refusal := self._engine.admit_request(caller.context)) is not None:
            self._refuse_unpaid(refusal.errors or [])
        else:
            self._payment.caller, self._headers = caller, headers
            self._timers.set_expiry(caller.expires_at)
            self._watch(caller)
            self._go_on(self._begin if previous is None else partial(self._renewed, caller))

    def _refuse(self, failure: AuthenticationFailure) -> None:
        """Close the socket, unless only its renewal has to be tried again a little later."""
        if self._caller is not None and failure.is_transient:
            self._go_on(partial(self._renewed, self._caller, failure.errors()))
        else:
            code = frames.TRY_AGAIN if failure.is_transient else frames.UNAUTHORIZED
            self.end(CloseSocket(code, failure.message))

    def _refuse_unpaid(self, errors: Sequence[Any]) -> None:
        """Refuse a beginning or a renewal that the caller's budget can't pay for."""
        if self._caller is not None:
            self._go_on(partial(self._renewed, self._caller, errors))
        else:
            self.end(CloseSocket(frames.TRY_AGAIN, errors[0]["message"]))

    def _begin(self) -> None:
        self._queue.put_nowait(frames.ACK)
        self._timers.begin_pings()

    def _renewed(self, caller: AuthenticatedCaller, errors: Sequence[Any] = ()) -> None:
        self._queue.put_nowait(frames.renewal_frame(caller.expires_at, errors))

    def _go_on(self, step: Callable[[], None]) -> None:
        """Take a step after an authentication, then handle the frames that waited for it."""
        try:
            step()
            while self._waiting_frames and self._authenticating is None:
                frame, *waiting = self._waiting_frames
                self._waiting_frames = tuple(waiting)
                self._handle(frame)
        except CloseSocket as close:
            self.end(close)

    def _watch(self, caller: AuthenticatedCaller) -> None:
        if self._unwatch is not None:
            self._unwatch()
        self._unwatch = caller.watch and caller.watch(caller.context, self._revoke)

    async def _end(self, close: CloseSocket | None) -> None:
        self._timers.cancel()
        if self._caller is None:
            # Nobody has paid for this socket. It ends in any case, so the answer says nothing.
            self._authenticator.charge_refusal(self._client)
        if self._unwatch is not None:
            self._unwatch()
        if self._authenticating is not None:
            self._authenticating.cancel()
        self._operations.stop_all()
        try:
            if close is not None:
                # The client may have stopped reading: don't wait long for the last frames.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.last_frames_seconds):
                        await self._queue.flushed()
                self._socket.close(close.code, close.reason)
            await self._operations.finished()
        finally:
            self._queue.close()
            self._closed()
