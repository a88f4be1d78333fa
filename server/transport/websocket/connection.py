"""One graphql-transport-ws socket from its first frame to its close."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from execution import Engine
from server.transport.contexts import Contexts, Denied, Opened
from server.transport.limits import WireLimits
from server.transport.persisted_lookup import Library
from server.transport.websocket import frames
from server.transport.websocket.frames import Goodbye
from server.transport.websocket.init import init_headers
from server.transport.websocket.message_rate import Pace
from server.transport.websocket.operations import Operations
from server.transport.websocket.outbox import Outbox, Way

log = logging.getLogger(__name__)

_BROKEN = Goodbye(frames.TRY_AGAIN, "something broke: try again")
_STALLED = Goodbye(frames.TIMED_OUT, "the reader stands still")
_SILENT = Goodbye(frames.TIMED_OUT, "no sign of life")
_EXPIRED = Goodbye(frames.FORBIDDEN, "token expired")
_LATE = Goodbye(frames.TIMED_OUT, "connection_init did not come in time")
_TIMER_MAX_SECONDS = 30 * 24 * 3600.0


class Line(Way, Protocol):
    """The socket, as a conversation uses it."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""


class Conversation:
    """Speaks the protocol with one client, and calls `over` when all of it has been tidied up.

    A quiet one costs no task: what comes is heard when it comes, and one timer at a time asks for
    signs of life.
    """

    __slots__ = (
        "_asked_at", "_client", "_contexts", "_early", "_ending", "_expiry", "_headers",
        "_heard_at", "_init_seen", "_limits", "_line", "_loop", "_opened", "_opening",
        "_operations", "_outbox", "_over", "_pace", "_timer",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        upgrade: Mapping[str, str],
        client: str,
        engine: Engine,
        contexts: Contexts,
        limits: WireLimits,
        library: Library,
        over: Callable[[], None],
    ) -> None:
        self._line = line
        self._headers = upgrade
        self._init_seen = False
        self._client = client
        self._contexts = contexts
        self._limits = limits
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(line, limits, lambda: self.end(_STALLED))
        self._operations = Operations(engine, self._outbox, limits, library)
        self._pace = Pace(
            per_second=limits.messages_per_second, burst_count=limits.messages_burst_count
        )
        self._early: tuple[frames.Frame, ...] = ()
        self._opened: Opened | None = None
        self._opening: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._heard_at = self._asked_at = self._loop.time()
        self._timer = self._loop.call_later(limits.init_seconds, self.end, _LATE)

    def end(self, goodbye: Goodbye | None) -> None:
        """Close the socket with this goodbye, or without a word when the client is gone."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._end(goodbye))

    # What the socket calls.

    def gone(self) -> None:
        """Tidy up after a client that is not there any more."""
        self.end(None)

    def writable(self) -> None:
        """Go on writing."""
        self._outbox.drain()

    def hear_binary(self) -> None:
        """Refuse what is no text."""
        self.end(Goodbye(frames.BAD_REQUEST, "binary frames are not spoken here"))

    def hear(self, text: str) -> None:
        """Take one message; a bad one ends the conversation."""
        if self._ending is not None:
            return
        self._heard_at = self._loop.time()
        try:
            if not self._pace.allows():
                raise Goodbye(frames.TOO_MANY_REQUESTS, "too many messages")
            self._take(frames.frame_of(text, self._limits))
        except Goodbye as goodbye:
            self.end(goodbye)
        except Exception:
            log.exception("a socket broke")
            self.end(_BROKEN)

    def _take(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Init(payload):
                self._init(payload)
            case frames.Ping(payload) if self._opened is not None and "authorization" in payload:
                self._renew(payload)
            case frames.Ping():
                self._outbox.push(frames.PONG)
            case frames.Pong():
                pass
            case frames.Subscribe() | frames.Complete() if self._opened is None and self._opening:
                self._hold(frame)
            case frames.Subscribe(id, operation):
                if self._opened is None:
                    raise Goodbye(frames.UNAUTHORIZED, "unauthorized: connection_init comes first")
                self._operations.start(id, operation, self._opened.fresh())
            case frames.Complete(id):
                self._operations.stop(id)

    def _hold(self, frame: frames.Frame) -> None:
        """Let a client that does not wait for its acknowledgement be heard after it."""
        if len(self._early) >= self._limits.socket_operations_count:
            raise Goodbye(frames.TOO_MANY_REQUESTS, "too many messages")
        self._early = (*self._early, frame)

    def _init(self, payload: dict[str, Any]) -> None:
        if self._init_seen:
            raise Goodbye(frames.TOO_MANY_REQUESTS, "too many initialisation requests")
        self._init_seen = True
        self._headers = init_headers(self._headers, payload)
        self._opening = self._loop.create_task(self._open(self._headers, None))

    def _renew(self, payload: dict[str, Any]) -> None:
        """Take a fresh token before the old one ends: its streams go on, later operations use it.

        One at a time: the pace of messages bounds how often anybody can ask.
        """
        if self._opening is not None:
            raise Goodbye(frames.TOO_MANY_REQUESTS, "one token at a time")
        token = {"authorization": payload["authorization"]}
        self._headers = init_headers(self._headers, token)
        self._opening = self._loop.create_task(self._open(self._headers, self._opened))

    async def _open(self, headers: Mapping[str, str], before: Opened | None) -> None:
        try:
            opened = await self._contexts.open(headers, client=self._client)
        except Exception:
            log.exception("a socket broke")
            self.end(_BROKEN)
            return
        self._opening = None
        if isinstance(opened, Denied):
            code = frames.TRY_AGAIN if opened.passing else frames.UNAUTHORIZED
            self.end(Goodbye(code, opened.message))
        elif before is not None and opened.identity != before.identity:
            self.end(Goodbye(frames.FORBIDDEN, "a socket belongs to one person"))
        elif self._ending is None:
            self._opened = opened
            self._expire_at(opened.expires_at)
            self._outbox.push(frames.ACK if before is None else frames.renewed(opened.expires_at))
            if before is None:
                self._begin()

    def _begin(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(self._limits.socket_heartbeat_seconds, self._ask)
        early, self._early = self._early, ()
        try:
            for frame in early:
                self._take(frame)
        except Goodbye as goodbye:
            self.end(goodbye)

    def _expire_at(self, unix_seconds: float | None) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if unix_seconds is not None:
            delay = min(max(0.0, unix_seconds - time.time()), _TIMER_MAX_SECONDS)
            self._expiry = self._loop.call_later(delay, self.end, _EXPIRED)

    def _ask(self) -> None:
        """Ask for a sign of life; a full outbox has its own time limit."""
        self._asked_at = self._loop.time()
        if not self._outbox.full:
            self._outbox.push(frames.PING)
        self._timer = self._loop.call_later(self._limits.pong_seconds, self._look)

    def _look(self) -> None:
        if self._heard_at < self._asked_at and not self._outbox.full:
            self.end(_SILENT)
            return
        rest = self._limits.socket_heartbeat_seconds - self._limits.pong_seconds
        self._timer = self._loop.call_later(max(0.0, rest), self._ask)

    async def _end(self, goodbye: Goodbye | None) -> None:
        self._timer.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        if self._opening is not None:
            self._opening.cancel()
        self._operations.stop_all()
        try:
            if goodbye is not None:
                # The peer may be deaf: the last frames don't wait for it long.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.goodbye_seconds):
                        await self._outbox.flushed()
                self._line.close(goodbye.code, goodbye.reason)
            await self._operations.finished()
        finally:
            self._outbox.close()
            self._over()
