"""Listeners that cost little CPU: bare asyncio protocols that only count messages.

They parse just enough of WebSocket frames and event streams to tell a message from a heartbeat, so
that a benchmark with ten thousand of them measures the server.
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, cast

MAX_CONCURRENT_OPENS = 100
TIMEOUT_SECONDS = 60.0
SNAPSHOTS = (b'"kind":"SNAPSHOT"', b'"kind":"LAGGED"')
PONG = b'{"type":"pong"}'
INIT = '{"type":"connection_init","payload":%s}'
Condition = Callable[[], bool]


class ListenersFailed(Exception):
    """A listener did not receive a message in time, or was refused."""


@dataclass
class Group:
    """All listeners of one order."""

    size: int
    received: Counter[int] = field(default_factory=Counter)
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    ready: int = 0
    failures: list[str] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def count_received(self, number: int, at: float) -> None:
        """Count one listener that received the message of this number."""
        self.arrivals.setdefault(number, []).append(at)
        self.received[number] += 1
        if self.received[number] >= self.size:
            self._changed.set()

    def add_ready(self) -> None:
        self.ready += 1
        self._changed.set()

    def add_failure(self, why: str) -> None:
        self.failures.append(why)
        self._changed.set()

    async def all_ready(self) -> None:
        await self._until(lambda: self.ready >= self.size)

    async def all_received(self, number: int) -> None:
        await self._until(lambda: self.received[number] >= self.size)

    async def until_disconnected(self, seconds: float) -> None:
        """Wait until a connection is lost. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while not self.failures:
                self._changed.clear()
                await self._changed.wait()

    async def _until(self, condition: Condition) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not condition():
                if self.failures:
                    raise ListenersFailed(
                        f"{len(self.failures)} of {self.size}: {self.failures[0]}"
                    )
                self._changed.clear()
                await self._changed.wait()


@dataclass(frozen=True, slots=True)
class ListenEndpoint:
    """The port, the document and the access token of a subscription."""

    port: int
    document: str
    order_id: str
    token: str | None
    snapshot: bool
    """Whether the first message is a snapshot, which shows that the subscription works."""
    after: str | None = None

    def body(self) -> str:
        variables = {"orderId": self.order_id, "after": self.after}
        if self.after is None:
            del variables["after"]
        return json.dumps({"query": self.document, "variables": variables})


class Listener(asyncio.Protocol, ABC):
    """The part that both transports have in common."""

    __slots__ = (
        "buffer",
        "count",
        "endpoint",
        "group",
        "on_message",
        "subscribed",
        "transport",
        "upgraded",
    )
    accept: ClassVar[str]

    def __init__(
        self,
        endpoint: ListenEndpoint,
        group: Group,
        on_message: Callable[[bytes], None] | None = None,
    ) -> None:
        self.on_message = on_message or self.count_message
        self.endpoint = endpoint
        self.group = group
        self.buffer = b""
        self.count = 0
        self.upgraded = False
        self.subscribed = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's class does not say so
        self.transport.write(self.opening_bytes())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self.group.add_failure(f"a connection was lost: {exc} {self.buffer[:200]!r}")
            self.subscribed.set()

    def mark_subscribed(self) -> None:
        self.group.add_ready()
        self.subscribed.set()

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not self.upgraded and not self.read_head():
            return
        self.read()

    def count_message(self, message: bytes) -> None:
        """Count one message of the subscription; the default for `on_message`."""
        if self.count == 0 and self.endpoint.snapshot and any(s in message for s in SNAPSHOTS):
            self.mark_subscribed()
            return
        self.count += 1
        self.group.count_received(self.count, time.perf_counter())

    def disconnect(self) -> None:
        """Abort the connection without a close message."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    def read_head(self) -> bool:
        """Remove the response head from the buffer; False while it is incomplete."""
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if b" 101 " not in head[:20] and b" 200 " not in head[:20]:
            self.group.add_failure(repr(self.buffer[:300]))
        self.upgraded, self.buffer = True, rest
        self.on_open()
        return True

    @abstractmethod
    def opening_bytes(self) -> bytes:
        """The bytes of the first request."""

    @abstractmethod
    def on_open(self) -> None:
        """Continue after the response head was read."""

    @abstractmethod
    def read(self) -> None:
        """Remove complete messages from the buffer and handle them."""


class WebSocketListener(Listener):
    """Listens with graphql-transport-ws."""

    __slots__ = ()

    def opening_bytes(self) -> bytes:
        return (
            b"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        )

    def on_open(self) -> None:
        token = self.endpoint.token
        payload = {"authorization": f"Bearer {token}"} if token else {}
        self._send(INIT % json.dumps(payload))

    def read(self) -> None:
        buffer, at = self.buffer, 0
        end = len(buffer)
        while end - at >= 2:
            size, start = buffer[at + 1] & 127, at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[start : start + 2], "big"), start + 2
            elif size == 127:
                size, start = int.from_bytes(buffer[start : start + 8], "big"), start + 8
            if start + size > end:
                break
            self._on_frame(buffer[at] & 15, buffer[start : start + size])
            at = start + size
        self.buffer = buffer[at:]

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if b'"type":"next"' in payload or b'"type":"data"' in payload:
            self.on_message(payload)
        elif b'"type":"ping"' in payload:
            self._send(PONG.decode())
        elif b'"type":"connection_ack"' in payload:
            subscribe = '{"id":"1","type":"subscribe","payload":%s}'
            self._send(subscribe % self.endpoint.body())
            if not self.endpoint.snapshot:
                self.mark_subscribed()
        elif opcode == 9 and self.transport is not None:
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
        elif opcode == 8 or b'"type":"error"' in payload:
            self.group.add_failure(repr(payload[:300]))

    def _send(self, text: str) -> None:
        """Send one text frame; its mask is zero."""
        payload = text.encode()
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        if self.transport is not None:
            self.transport.write(head + bytes(4) + payload)


class SseListener(Listener):
    """Listens with server-sent events."""

    __slots__ = ()

    def opening_bytes(self) -> bytes:
        body = self.endpoint.body().encode()
        token = f"authorization: Bearer {self.endpoint.token}\r\n" if self.endpoint.token else ""
        return (
            "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\n{token}content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def on_open(self) -> None:
        if not self.endpoint.snapshot:
            self.mark_subscribed()

    def read(self) -> None:
        *events, self.buffer = self.buffer.split(b"\n\n")
        for event in events:
            if b"event: next" in event:
                self.on_message(event)


LISTENER_CLASSES: dict[str, type[Listener]] = {"ws": WebSocketListener, "sse": SseListener}


async def open_listeners(
    kind: str, endpoint: ListenEndpoint, size: int
) -> tuple[Group, list[Listener]]:
    """Open `size` listeners of one order and wait until all are subscribed."""
    group = Group(size)
    loop = asyncio.get_running_loop()
    connections: list[Listener] = []
    turn = asyncio.Semaphore(MAX_CONCURRENT_OPENS)

    async def one() -> None:
        async with turn:
            listener = LISTENER_CLASSES[kind](endpoint, group)
            connections.append(listener)
            await loop.create_connection(lambda: listener, "127.0.0.1", endpoint.port)
            await listener.subscribed.wait()

    async with asyncio.timeout(TIMEOUT_SECONDS * 5):
        await asyncio.gather(*(one() for _ in range(size)))
        await group.all_ready()
    return group, connections
