"""One graphql-transport-ws socket from its first frame to its close."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from execution import Engine
from server.wire import frames
from server.wire.contexts import Contexts, Denied, Opened
from server.wire.frames import Goodbye
from server.wire.init import init_headers
from server.wire.limits import WireLimits
from server.wire.operations import Operations
from server.wire.outbox import Outbox
from server.wire.pace import Pace
from server.wire.persisted import Library

log = logging.getLogger(__name__)

_BROKEN = Goodbye(frames.TRY_AGAIN, "something broke: try again")
# How the server says, in the middle of a write, that nobody is there.
GONE = (WebSocketDisconnect, OSError)
_TIMER_MAX_SECONDS = 30 * 24 * 3600.0


class Conversation:
    """Speaks the protocol with one client; `run` returns when the socket is closed and tidy."""

    def __init__(
        self,
        socket: WebSocket,
        engine: Engine,
        contexts: Contexts,
        limits: WireLimits,
        library: Library,
    ) -> None:
        self._socket = socket
        self._contexts = contexts
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Goodbye | None] = self._loop.create_future()
        self._outbox = Outbox(self._send, limits)
        self._operations = Operations(engine, self._outbox, limits, library)
        self._pace = Pace(
            per_second=limits.messages_per_second, burst_count=limits.messages_burst_count
        )
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._init_seen = False
        self._opened: Opened | None = None
        self._heard_at = self._loop.time()

    def end(self, goodbye: Goodbye | None) -> None:
        """Close the socket with this goodbye, or without a word when the client is gone."""
        if not self._ending.done():
            self._ending.set_result(goodbye)

    async def run(self) -> None:
        """Talk until either side ends; generators are closed before this returns."""
        listener = asyncio.create_task(self._until_end(self._listen()))
        pump = asyncio.create_task(self._until_end(self._outbox.pump()))
        init_overdue = Goodbye(frames.TIMED_OUT, "connection_init did not come in time")
        self._after("init", self._limits.init_seconds, init_overdue)
        self._heartbeat()
        goodbye = None
        try:
            goodbye = await self._ending
        finally:
            for timer in self._timers.values():
                timer.cancel()
            listener.cancel()
            self._operations.stop_all()
            if goodbye is not None:
                await self._close(goodbye)
            pump.cancel()
            await self._operations.finished()

    async def _send(self, frame: str) -> None:
        try:
            await self._socket.send_text(frame)
        except RuntimeError:
            # The server closed the socket by itself (text that is no UTF-8, a lost ping) and has
            # not told us yet.
            raise WebSocketDisconnect(frames.ABNORMAL) from None

    async def _until_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Goodbye as goodbye:
            self.end(goodbye)
        except GONE:
            self.end(None)
        except Exception:
            log.exception("a socket broke")
            self.end(_BROKEN)
        else:
            self.end(None)

    async def _close(self, goodbye: Goodbye) -> None:
        # The peer may be gone or deaf: neither the last frames nor the close may wait for it long.
        with suppress(TimeoutError, RuntimeError, *GONE):
            async with asyncio.timeout(self._limits.goodbye_seconds):
                await self._outbox.flushed()
        with suppress(TimeoutError, RuntimeError, *GONE):
            async with asyncio.timeout(self._limits.goodbye_seconds):
                await self._socket.close(goodbye.code, goodbye.reason)

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard_at = self._loop.time()
            if not self._pace.allows():
                raise Goodbye(frames.TOO_MANY_REQUESTS, "too many messages")
            text = message.get("text")
            if text is None:
                raise Goodbye(frames.BAD_REQUEST, "binary frames are not spoken here")
            await self._hear(frames.frame_of(text, self._limits))

    async def _hear(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Init(payload):
                await self._init(payload)
            case frames.Ping():
                await self._outbox.put(frames.PONG)
            case frames.Pong():
                pass
            case frames.Subscribe(id, operation):
                if self._opened is None:
                    raise Goodbye(frames.UNAUTHORIZED, "unauthorized: connection_init comes first")
                await self._operations.start(id, operation, self._opened.fresh())
            case frames.Complete(id):
                self._operations.stop(id)

    async def _init(self, payload: dict[str, Any]) -> None:
        if self._init_seen:
            raise Goodbye(frames.TOO_MANY_REQUESTS, "too many initialisation requests")
        self._init_seen = True
        headers = init_headers(self._socket.headers, payload)
        client = self._socket.client.host if self._socket.client else "unknown"
        opened = await self._contexts.open(headers, client=client)
        if isinstance(opened, Denied):
            code = frames.TRY_AGAIN if opened.passing else frames.UNAUTHORIZED
            raise Goodbye(code, opened.message)
        self._timers.pop("init").cancel()
        if opened.expires_at is not None:
            expired = Goodbye(frames.FORBIDDEN, "token expired")
            self._after("expiry", opened.expires_at - time.time(), expired)
        self._opened = opened
        await self._outbox.put(frames.ACK)

    def _after(self, name: str, seconds: float, goodbye: Goodbye) -> None:
        delay = min(max(0.0, seconds), _TIMER_MAX_SECONDS)
        self._timers[name] = self._loop.call_later(delay, self.end, goodbye)

    def _heartbeat(self) -> None:
        # Before the first tick there is nothing to ask; a full outbox has its own time limit.
        if self._opened is not None and not self._outbox.full:
            self._outbox.push(frames.PING)
            self._timers["pong"] = self._loop.call_later(
                self._limits.pong_seconds, self._check_alive, self._loop.time()
            )
        self._timers["heartbeat"] = self._loop.call_later(
            self._limits.socket_heartbeat_seconds, self._heartbeat
        )

    def _check_alive(self, asked_at: float) -> None:
        if self._heard_at < asked_at:
            self.end(Goodbye(frames.TIMED_OUT, "no sign of life"))
