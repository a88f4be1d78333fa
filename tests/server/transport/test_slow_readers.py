"""A client that stops reading pauses its generators, and is cut off before it costs memory."""

import asyncio
import json
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.transport.limits import TransportLimits
from server.transport.send_queue import FRAMES_OVER_FULL, SendQueue
from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer
from tests.support.waiting import until

FLOOD = "subscription { count(to: 100000, chars: 20000) { cursor number } }"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)


def frame(message: object) -> bytes:
    """A masked text frame, the mask being zero."""
    text = json.dumps(message).encode()
    length = len(text)
    assert length < 126
    return bytes([0x81, 0x80 | length]) + b"\x00\x00\x00\x00" + text


async def flooded_socket(served: RunningServer) -> socket.socket:
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.setblocking(False)
    await loop.sock_connect(client, ("127.0.0.1", served.port))
    await loop.sock_sendall(client, UPGRADE)
    await loop.sock_recv(client, 1000)
    await loop.sock_sendall(client, frame({"type": "connection_init"}))
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": FLOOD}}
    await loop.sock_sendall(client, frame(subscribe))
    return client


async def flooded_stream(served: RunningServer) -> socket.socket:
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.setblocking(False)
    await loop.sock_connect(client, ("127.0.0.1", served.port))
    body = json.dumps({"query": FLOOD}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    await loop.sock_sendall(client, head.encode() + body)
    return client


@dataclass
class FakeWriter:
    """A client that stops and resumes reading as the test sets it."""

    blocked: bool = True
    sent: list[bytes] = field(default_factory=list)

    def write_frame(self, frame: bytes) -> None:
        self.sent.append(frame)


@pytest.mark.parametrize("kind", ["socket", "stream"])
async def test_a_client_that_stops_reading_pauses_its_source_and_is_cut_off(
    served: RunningServer, kind: str
) -> None:
    sent_before = served.seen.numbers_sent
    client = await (flooded_socket(served) if kind == "socket" else flooded_stream(served))
    await asyncio.sleep(0.3)
    sent_then = served.seen.numbers_sent
    assert served.seen.sources_open == 1
    await asyncio.sleep(0.1)
    assert served.seen.numbers_sent == sent_then, (
        "the source went on although its client does not read"
    )
    # Kernel buffers and one megabyte of ours, at twenty kilobytes an event.
    assert sent_then - sent_before < 1_000
    await sources_closed(served)
    await until(lambda: not len(served.connections) and not served.transports)
    client.close()


async def test_a_full_queue_makes_callers_wait_and_keeps_their_order() -> None:
    writer, stalled = FakeWriter(), asyncio.Event()
    queue = SendQueue(writer, TransportLimits(queued_frames=2, stalled_seconds=0.05), stalled.set)
    tasks = [asyncio.create_task(queue.put(b"%d" % number)) for number in range(10)]
    await asyncio.sleep(0.01)
    assert sum(task.done() for task in tasks) == 2
    assert not queue.try_put(b"too much")
    await asyncio.wait_for(stalled.wait(), 1)
    while len(writer.sent) < 10:
        writer.blocked = False
        queue.drain()
        writer.blocked = True
        await asyncio.sleep(0)
    writer.blocked = False
    queue.drain()
    await asyncio.gather(*tasks)
    await queue.flushed()
    assert writer.sent == [b"%d" % number for number in range(10)]
    assert queue.try_put(b"room again")


async def test_a_queue_before_a_fast_client_stays_empty_and_starts_no_timer() -> None:
    writer = FakeWriter(blocked=False)
    queue = SendQueue(
        writer, TransportLimits(stalled_seconds=0.01), lambda: pytest.fail("it stalled")
    )
    await queue.put(b"a")
    queue.put_nowait(b"b")
    assert queue.try_put(b"c")
    await asyncio.sleep(0.05)
    assert writer.sent == [b"a", b"b", b"c"]


async def test_small_frames_before_a_client_that_reads_nothing_are_bounded() -> None:
    """Pongs and errors were queued however full the queue was, for as long as they were caused."""
    stalled = asyncio.Event()
    limits = TransportLimits(queued_frames=2)
    queue = SendQueue(FakeWriter(), limits, stalled.set)
    for _ in range(FRAMES_OVER_FULL * limits.queued_frames):
        queue.put_nowait(b"pong")
    assert not stalled.is_set()
    queue.put_nowait(b"pong")
    assert stalled.is_set()


async def test_pings_of_a_client_that_reads_nothing_cost_no_memory(served: RunningServer) -> None:
    """The WebSocket library answers each ping, and its answers were buffered without a limit."""
    client = await flooded_socket(served)
    # A buffer below its limit is no sign yet: the kernel may have taken only a part of a frame.
    await until(lambda: any(_blocked(each) for each in served.state.connections))
    [connection] = [each for each in served.state.connections if _blocked(each)]
    before = _buffered(connection)
    ping = b"\x89\xfd\x00\x00\x00\x00" + b"x" * 125
    for _ in range(200):
        connection.data_received(ping)
    assert _buffered(connection) == before
    client.close()
    await until(lambda: not served.transports)


def _blocked(connection: Any) -> bool:
    return bool(getattr(connection, "blocked", False))


def _buffered(connection: Any) -> int:
    size: int = connection.transport.get_write_buffer_size()
    return size
