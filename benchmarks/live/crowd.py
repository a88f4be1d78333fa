"""Ten thousand listeners that cost next to nothing: bare protocols that only count messages.

They know just enough of WebSocket frames and event streams to tell a message from a heartbeat, so
that what is measured is the server.
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, cast

OPENING_AT_ONCE = 100
PATIENCE_SECONDS = 60.0
SNAPSHOTS = (b'"kind":"SNAPSHOT"', b'"kind":"LAGGED"')
PONG = b'{"type":"pong"}'
INIT = '{"type":"connection_init","payload":%s}'
Fact = Callable[[], bool]


class Unheard(Exception):
    """Not everybody heard what was said, or somebody was refused."""


@dataclass
class Group:
    """Everybody who listens to one order."""

    size: int
    heard: Counter[int] = field(default_factory=Counter)
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    ready: int = 0
    faults: list[str] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, number: int, at: float) -> None:
        """Somebody has heard the message of this number."""
        self.arrivals.setdefault(number, []).append(at)
        self.heard[number] += 1
        if self.heard[number] >= self.size:
            self._moved.set()

    def joined(self) -> None:
        self.ready += 1
        self._moved.set()

    def failed(self, why: str) -> None:
        self.faults.append(why)
        self._moved.set()

    async def all_ready(self) -> None:
        await self._until(lambda: self.ready >= self.size)

    async def all_heard(self, number: int) -> None:
        await self._until(lambda: self.heard[number] >= self.size)

    async def until_cut(self, seconds: float) -> None:
        """Wait until somebody's line is cut; raises TimeoutError after so many seconds."""
        async with asyncio.timeout(seconds):
            while not self.faults:
                self._moved.clear()
                await self._moved.wait()

    async def _until(self, fact: Fact) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not fact():
                if self.faults:
                    raise Unheard(f"{len(self.faults)} of {self.size}: {self.faults[0]}")
                self._moved.clear()
                await self._moved.wait()


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, as whom, and to what."""

    port: int
    document: str
    order_id: str
    token: str | None
    snapshot: bool
    """Whether the first message tells the state, which shows that the listener is in place."""
    after: str | None = None

    def body(self) -> str:
        variables = {"orderId": self.order_id, "after": self.after}
        if self.after is None:
            del variables["after"]
        return json.dumps({"query": self.document, "variables": variables})


class Ear(asyncio.Protocol, ABC):
    """What both ways of listening have in common."""

    __slots__ = ("buffer", "count", "door", "group", "placed", "said", "transport", "upgraded")
    accept: ClassVar[str]

    def __init__(
        self, door: Door, group: Group, said: Callable[[bytes], None] | None = None
    ) -> None:
        self.said = said or self.count_it
        self.door = door
        self.group = group
        self.buffer = b""
        self.count = 0
        self.upgraded = False
        self.placed = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.transport.write(self.opening())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self.group.failed(f"a listener was cut off: {exc} {self.buffer[:200]!r}")
            self.placed.set()

    def in_place(self) -> None:
        self.group.joined()
        self.placed.set()

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not self.upgraded and not self.greeted():
            return
        self.read()

    def count_it(self, message: bytes) -> None:
        """Take one message of the subscription, if nobody else does."""
        if self.count == 0 and self.door.snapshot and any(s in message for s in SNAPSHOTS):
            self.in_place()
            return
        self.count += 1
        self.group.told(self.count, time.perf_counter())

    def leave(self) -> None:
        """Cut the line without a word."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    def greeted(self) -> bool:
        """Take the answer's head off the buffer; False while it is not all there."""
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if b" 101 " not in head[:20] and b" 200 " not in head[:20]:
            self.group.failed(repr(self.buffer[:300]))
        self.upgraded, self.buffer = True, rest
        self.begun()
        return True

    @abstractmethod
    def opening(self) -> bytes:
        """What is sent to be let in."""

    @abstractmethod
    def begun(self) -> None:
        """The door is open."""

    @abstractmethod
    def read(self) -> None:
        """Take what has come off the buffer."""


class SocketEar(Ear):
    """Listens by graphql-transport-ws."""

    __slots__ = ()

    def opening(self) -> bytes:
        return (
            b"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\n"
            b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        )

    def begun(self) -> None:
        token = self.door.token
        payload = {"authorization": f"Bearer {token}"} if token else {}
        self._say(INIT % json.dumps(payload))

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
            self._hear(buffer[at] & 15, buffer[start : start + size])
            at = start + size
        self.buffer = buffer[at:]

    def _hear(self, opcode: int, payload: bytes) -> None:
        if b'"type":"next"' in payload or b'"type":"data"' in payload:
            self.said(payload)
        elif b'"type":"ping"' in payload:
            self._say(PONG.decode())
        elif b'"type":"connection_ack"' in payload:
            subscribe = '{"id":"1","type":"subscribe","payload":%s}'
            self._say(subscribe % self.door.body())
            if not self.door.snapshot:
                self.in_place()
        elif opcode == 9 and self.transport is not None:
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
        elif opcode == 8 or b'"type":"error"' in payload:
            self.group.failed(repr(payload[:300]))

    def _say(self, text: str) -> None:
        """One text frame; its mask is zero, which is as good as any other."""
        payload = text.encode()
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        if self.transport is not None:
            self.transport.write(head + bytes(4) + payload)


class EventEar(Ear):
    """Listens by server-sent events."""

    __slots__ = ()

    def opening(self) -> bytes:
        body = self.door.body().encode()
        token = f"authorization: Bearer {self.door.token}\r\n" if self.door.token else ""
        return (
            "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\n{token}content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def begun(self) -> None:
        if not self.door.snapshot:
            self.in_place()

    def read(self) -> None:
        *events, self.buffer = self.buffer.split(b"\n\n")
        for event in events:
            if b"event: next" in event:
                self.said(event)


EARS: dict[str, type[Ear]] = {"ws": SocketEar, "sse": EventEar}


async def gather(kind: str, door: Door, size: int) -> tuple[Group, list[Ear]]:
    """That many listeners of one order, all in place."""
    group = Group(size)
    loop = asyncio.get_running_loop()
    ears: list[Ear] = []
    turn = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> None:
        async with turn:
            ear = EARS[kind](door, group)
            ears.append(ear)
            await loop.create_connection(lambda: ear, "127.0.0.1", door.port)
            await ear.placed.wait()

    async with asyncio.timeout(PATIENCE_SECONDS * 5):
        await asyncio.gather(*(one() for _ in range(size)))
        await group.all_ready()
    return group, ears
