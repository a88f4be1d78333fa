"""Riders' phones that cost little CPU: raw connections that send bytes and count answers."""

import asyncio
import itertools
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from benchmarks.riders.world import Rider

STEP_DEGREES = 7 / 111_195
PACE_SECONDS = 0.005
CONNECTING = 100
CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 5.0
BATCH_POINTS = 5
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
REPORT = """mutation($input: RiderLocationReportInput!) {
  riderLocationReport(input: $input) { dropoffEtaSeconds errors { __typename } } }"""
BATCH = """mutation($input: RiderLocationsReportInput!) {
  riderLocationsReport(input: $input) { acceptedCount dropoffEtaSeconds errors { __typename } } }"""


@dataclass(slots=True)
class PhoneCounts:
    """The answers to the phones of one run."""

    good: int = 0
    bad: int = 0
    late: int = 0
    """Not sent, because the phone still waited for its last answers."""
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    first_error: bytes = b""


class Phone(asyncio.Protocol):
    """One connection that several riders use in turn."""

    good = b"HTTP/1.1 200"
    answer = b"HTTP/1.1 "
    waiting_most = 4

    def __init__(self, riders: Sequence[Rider], counts: PhoneCounts) -> None:
        self.counts = counts
        self.sent: deque[float] = deque()
        self.turns = itertools.cycle(enumerate(riders))
        self.rounds = [0] * len(riders)
        self.transport: Any = None
        self.ready = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ready = True

    def data_received(self, data: bytes) -> None:
        answers, good = data.count(self.answer), data.count(self.good)
        now = time.perf_counter()
        for _ in range(min(answers, len(self.sent))):
            self.counts.latencies.append(now - self.sent.popleft())
        bad = answers - good + self.error_count(data)
        self.counts.good += answers - bad
        self.counts.bad += bad
        if bad and not self.counts.first_error:
            self.counts.first_error = data[:600]

    def error_count(self, data: bytes) -> int:
        """The number of answers whose body reports an error."""
        return data.count(b'"accepted":0')

    def next(self) -> None:
        """Send the next rider's report, unless the phone is still waiting for its last ones."""
        if len(self.sent) >= self.waiting_most:
            self.counts.late += 1
            return
        nth, rider = next(self.turns)
        self.rounds[nth] += 1
        self.sent.append(time.perf_counter())
        self.transport.write(self.report(rider, self.rounds[nth]))

    def report(self, rider: Rider, nth: int) -> bytes:
        """The bytes of a rider's nth report."""
        body = f"[[{latitude(rider, nth):.6f},{rider.longitude:.6f},0,0,7,8]]".encode()
        return http("/riders/positions", rider, body)


class GraphPhone(Phone):
    """Reports with the mutation over HTTP."""

    def error_count(self, data: bytes) -> int:
        return data.count(b'"__typename"') + data.count(b'"acceptedCount":0')

    def report(self, rider: Rider, nth: int) -> bytes:
        given = {
            "latitude": latitude(rider, nth),
            "longitude": rider.longitude,
            "accuracyMeters": 8,
        }
        body = orjson.dumps({"query": REPORT, "variables": {"input": given}})
        return http("/graphql", rider, body)


class BatchPhone(GraphPhone):
    """Reports the points of five seconds at once, with the batch mutation over a WebSocket."""

    good = answer = b'"type":"next"'

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(HANDSHAKE.encode())

    def data_received(self, data: bytes) -> None:
        if self.ready:
            super().data_received(data)
        elif data.startswith(b"HTTP/1.1 101"):
            _, rider = next(self.turns)
            payload = {"Authorization": f"Bearer {rider.token}"}
            self.transport.write(frame({"type": "connection_init", "payload": payload}))
        elif b"connection_ack" in data:
            self.ready = True
        else:
            raise ConnectionError(f"the server said {data!r}")

    def report(self, rider: Rider, nth: int) -> bytes:
        points = [
            {
                "latitude": latitude(rider, nth * BATCH_POINTS + one),
                "longitude": rider.longitude,
                "ageSeconds": 0.9 * (BATCH_POINTS - 1 - one),
                "accuracyMeters": 8,
            }
            for one in range(BATCH_POINTS)
        ]
        payload = {"query": BATCH, "variables": {"input": {"locations": points}}}
        return frame({"id": str(nth), "type": "subscribe", "payload": payload})


def latitude(rider: Rider, nth: int) -> float:
    """Where a rider is at the nth second: seven metres on, and back again after a while."""
    there, back = divmod(nth, 60)
    return rider.latitude + (back if there % 2 == 0 else 60 - back) * STEP_DEGREES


def http(path: str, rider: Rider, body: bytes) -> bytes:
    """One request of a kept-alive connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {rider.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def frame(message: dict[str, Any]) -> bytes:
    """A text frame, masked with zeros, which leaves the text as it is."""
    text = orjson.dumps(message)
    size = len(text)
    head = (
        struct.pack("!BB", 0x81, 0x80 | size)
        if size < 126
        else struct.pack("!BBH", 0x81, 0xFE, size)
    )
    return head + b"\0\0\0\0" + text


async def ride(
    ports: Sequence[int],
    riders: Sequence[Rider],
    kind: type[Phone],
    *,
    riders_a_phone: int,
    reports_a_second: float,
    seconds: float,
    during: Callable[[], None],
) -> PhoneCounts:
    """Send reports at a steady pace; the first third warms up, and `during` is called when
    counting begins and ends."""
    counts = PhoneCounts()
    phones: list[Phone] = []
    loop = asyncio.get_running_loop()
    starts = range(0, len(riders), riders_a_phone)
    for start, port in zip(starts, itertools.cycle(ports), strict=False):
        phone = kind(riders[start : start + riders_a_phone], counts)
        await loop.create_connection(partial(_same, phone), "127.0.0.1", port)
        phones.append(phone)
        if len(phones) % CONNECTING == 0:
            await _until(lambda: all(one.ready for one in phones), CONNECT_SECONDS)
    turns = itertools.cycle(phones)
    await _pace(turns, reports_a_second, seconds / 3)
    await asyncio.sleep(0.3)
    _reset(counts)
    during()
    began = time.perf_counter()
    await _pace(turns, reports_a_second, seconds * 2 / 3)
    await _until(lambda: not any(one.sent for one in phones), ANSWER_SECONDS)
    during()
    counts.seconds = time.perf_counter() - began
    for phone in phones:
        phone.transport.close()
    return counts


def _same(phone: Phone) -> Phone:
    return phone


async def _pace(turns: Iterator[Phone], a_second: float, seconds: float) -> None:
    began = time.perf_counter()
    sent = 0
    while (passed := time.perf_counter() - began) < seconds:
        while sent < passed * a_second:
            next(turns).next()
            sent += 1
        await asyncio.sleep(PACE_SECONDS)


async def _until(fact: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true, or for the time to be over."""
    end = time.perf_counter() + seconds
    while not fact() and time.perf_counter() < end:  # noqa: ASYNC110 - the counts have no event
        await asyncio.sleep(PACE_SECONDS)


def _reset(counts: PhoneCounts) -> None:
    counts.good = counts.bad = counts.late = 0
    counts.latencies.clear()
