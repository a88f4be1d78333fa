"""uvicorn's HTTP protocol with limits: how large a head may be, and how long anything may take.

A connection has one timer. It runs while the connection is idle, while a request arrives and while
the client does not read, and checks which of these has lasted too long. A whole request that comes
in one piece neither starts nor stops it.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from models.message_text import duration_text
from server.transport.connection_caps import ConnectionCaps
from server.transport.limits import MAX_DISCARDED_BYTES, TransportLimits
from server.transport.rejection import RequestRejected, encode_refusal
from server.transport.uvicorn_internals.head_limits import (
    UNREADABLE_UPGRADE,
    HeadRefused,
    RequestPart,
    check_head_size,
    check_host,
    head_bytes,
    is_mostly_framing,
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One HTTP connection that refuses what is too large or too slow, and closes."""

    limits = TransportLimits()
    caps = ConnectionCaps()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.part: RequestPart | None = None
        """What of a request is still to come; None between two requests."""
        self._part_since = 0.0
        self._part_bytes = 0
        self.body_bytes = 0
        """How much of a request's body has arrived, without its framing."""
        self._messages_begun = 0
        self._idle_since = 0.0
        self._blocked_since: float | None = None
        self._refusal: RequestRejected | None = None
        self._refused_at: float | None = None
        self._discarded_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def client_address(self) -> str:
        """The address of the peer."""
        return self.client[0] if self.client else "unknown"

    @property
    def answering(self) -> bool:
        """Whether a response is being prepared or sent."""
        previous: Any = self.cycle  # None before the first request
        return not (previous is None or previous.response_complete)

    @property
    def refused(self) -> bool:
        """Whether the connection was refused, and stays only until its client has read why."""
        return self._refused_at is not None

    def watch_idle(self) -> None:
        """Start the keep-alive time, the response being sent."""
        self._idle_since = self.loop.time()
        if self._timer is None and not self.transport.is_closing():
            self._watch(self._idle_since + self.timeout_keep_alive)

    def check_head(self) -> None:
        """Stop the parser if the head that it has read is too large or names no host."""
        self.part = RequestPart.BODY
        try:
            headers = self.headers
            check_head_size(self.url, len(headers), head_bytes(self.url, headers))
            check_host(self.parser.get_http_version(), headers)
        except HeadRefused as refused:
            [self._refusal] = refused.args
            raise

    # Called by uvicorn, by the parser and by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        if self.caps.admit(transport, self.client_address):
            first = min(self.limits.head_seconds, self.timeout_keep_alive)
            self._watch(self._idle_since + first)
        else:
            message = "Too many connections are open: try again."
            self._refuse(RequestRejected(503, "UNAVAILABLE", message, retry_after_seconds=5))

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_watching()
        self.caps.release(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            self._discard(data)
            return
        part, begun = self.part, self._messages_begun
        super().data_received(data)
        if self.part is not None:
            self._part_is_incomplete(len(data), part, self._messages_begun - begun)

    def on_message_begin(self) -> None:
        self._messages_begun += 1
        self.body_bytes = 0
        self.part = RequestPart.HEAD
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.part = None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self.stop_watching()
        self.part = None
        super().handle_websocket_upgrade()
        socket: Any = self.transport.get_protocol()
        if not socket.handshake_initiated:
            lines = self.server_state.default_headers
            self.transport.write(encode_refusal(UNREADABLE_UPGRADE, lines))
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or RequestRejected(400, "BAD_REQUEST", msg))

    def on_response_complete(self) -> None:
        # As uvicorn does it, but with the one timer of the connection.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self.watch_idle()
        if self.part is RequestPart.BODY:
            self._watch(self._idle_since + self.limits.unread_body_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._blocked_since = self.loop.time()
        self._watch(self._blocked_since + self.limits.stalled_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._blocked_since = None

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer as it is: it looks for itself whether it is too early."""

    # Parts that arrive in pieces.

    def _part_is_incomplete(self, size: int, previous: RequestPart | None, begun: int) -> None:
        """Count a piece of a request that goes on, and watch how long it takes."""
        if self.refused or self.transport.is_closing():
            return
        now = self.loop.time()
        if previous is not self.part or begun:
            self._part_since, self._part_bytes = now, 0
        # Of a piece with the end of a request and the begin of another the sizes are not known.
        if begun == 0 or (begun == 1 and previous is None):
            self._part_bytes += size
        if self.part is RequestPart.HEAD:
            self._check_incomplete_head()
        else:
            self._check_framing()
        if self._refused_at is None:
            self._watch(self._deadline() or now + self.limits.head_seconds)

    def _check_incomplete_head(self) -> None:
        try:
            check_head_size(self.url, len(self.headers), self._part_bytes)
        except HeadRefused as refused:
            self._refuse(*refused.args)

    def _check_framing(self) -> None:
        if is_mostly_framing(self._part_bytes, self.body_bytes, len(self.headers or ())):
            self._refuse(RequestRejected(400, "BAD_REQUEST", "The body is mostly framing."))

    # The one timer.

    def stop_watching(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, deadline: float) -> None:
        """Let the timer check at this moment at the latest."""
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self.loop.call_at(deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        deadline = self._deadline()
        if deadline is None or self.transport.is_closing():
            return
        now = self.loop.time()
        if deadline > now:
            # Not later than the next deadline of an idle connection might be.
            self._watch(min(deadline, now + self.timeout_keep_alive))
        else:
            self._time_out()

    def _deadline(self) -> float | None:
        """Until when the connection may stay as it is; None while a response is prepared."""
        limits = self.limits
        if self._refused_at is not None:
            return self._refused_at + limits.last_read_seconds
        if self._blocked_since is not None:
            return self._blocked_since + limits.stalled_seconds
        if self.part is RequestPart.HEAD:
            return self._part_since + limits.head_seconds
        if self.part is RequestPart.BODY:
            return self._body_deadline()
        if self.answering:
            return None
        first = limits.head_seconds if not self._messages_begun else self.timeout_keep_alive
        return self._idle_since + first

    def _body_deadline(self) -> float:
        limits = self.limits
        if not self.answering:
            return self._idle_since + limits.unread_body_seconds
        if self.flow.read_paused:
            # We do not read: the client is not slow.
            self._part_since = self.loop.time()
        earned = self._part_bytes / limits.body_bytes_per_second
        return self._part_since + limits.body_seconds + earned

    def _time_out(self) -> None:
        if self._refused_at is not None or self._blocked_since is not None:
            self.transport.abort()
        elif self.part is None:
            self.timeout_keep_alive_handler()
        elif self.part is RequestPart.BODY and not self.answering:
            self.transport.abort()
        else:
            seconds = getattr(self.limits, f"{self.part.value}_seconds")
            message = f"The {self.part.value} did not arrive within {duration_text(seconds)}."
            self._refuse(RequestRejected(408, "REQUEST_TIMEOUT", message))

    # Refusals.

    def _refuse(self, rejected: RequestRejected) -> None:
        """Answer with a refusal and close, once the client had time to read it."""
        self._refused_at = self.loop.time()
        self.on_refused()
        if self._response_begun() or not self.caps.may_wait(self.transport):
            self.transport.abort()
            return
        self._drop_request()
        self.flow.resume_reading()
        self.transport.write(encode_refusal(rejected, self.server_state.default_headers))
        # Closed with data unread, the connection would be reset, and the answer with it.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._watch(self._refused_at + self.limits.last_read_seconds)

    def on_refused(self) -> None:
        """Whatever arrives from now on is discarded."""

    def _response_begun(self) -> bool:
        """Whether another response is under way, which a refusal would interrupt."""
        if not self.answering:
            return False
        head_only = self.part is RequestPart.HEAD
        return head_only or bool(self.pipeline) or getattr(self.cycle, "response_started", True)

    def _drop_request(self) -> None:
        """Tell the application, which waits for the rest of a body, that it will not come."""
        if self.answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _discard(self, data: bytes) -> None:
        self._discarded_bytes += len(data)
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.transport.abort()
