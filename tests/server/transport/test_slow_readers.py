"""A reader that stands still pauses its generators, and is let go before it costs memory."""

import asyncio
import json
import socket
from dataclasses import dataclass, field

import pytest

from server.transport.limits import WireLimits
from server.transport.websocket.outbox import Outbox
from tests.server.transport.test_websocket import settled
from tests.support.server.small_server import Served

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


async def flooded_socket(served: Served) -> socket.socket:
    loop = asyncio.get_running_loop()
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader.setblocking(False)
    await loop.sock_connect(reader, ("127.0.0.1", served.port))
    await loop.sock_sendall(reader, UPGRADE)
    await loop.sock_recv(reader, 1000)
    await loop.sock_sendall(reader, frame({"type": "connection_init"}))
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": FLOOD}}
    await loop.sock_sendall(reader, frame(subscribe))
    return reader


async def flooded_stream(served: Served) -> socket.socket:
    loop = asyncio.get_running_loop()
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader.setblocking(False)
    await loop.sock_connect(reader, ("127.0.0.1", served.port))
    body = json.dumps({"query": FLOOD}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    await loop.sock_sendall(reader, head.encode() + body)
    return reader


@dataclass
class Way:
    """A reader that stands still until told otherwise."""

    blocked: bool = True
    sent: list[bytes] = field(default_factory=list)

    def write_text(self, framed: bytes) -> None:
        self.sent.append(framed)


@pytest.mark.parametrize("kind", ["socket", "stream"])
async def test_a_deaf_reader_pauses_its_source_and_is_let_go(served: Served, kind: str) -> None:
    made_before = served.tally.numbers_made
    reader = await (flooded_socket(served) if kind == "socket" else flooded_stream(served))
    await asyncio.sleep(0.3)
    made = served.tally.numbers_made
    assert served.tally.sources_open == 1
    await asyncio.sleep(0.1)
    assert served.tally.numbers_made == made, "the source went on without a reader"
    # Kernel buffers and one megabyte of ours, at twenty kilobytes an event.
    assert made - made_before < 1_000
    await settled(served)
    async with asyncio.timeout(2):
        while len(served.connections) or served.transports:  # noqa: ASYNC110 - they have no event
            await asyncio.sleep(0.02)
    reader.close()


async def test_a_full_outbox_makes_its_writers_wait_and_keeps_their_order() -> None:
    way, stalled = Way(), asyncio.Event()
    outbox = Outbox(way, WireLimits(outbox_frames=2, stalled_seconds=0.05), stalled.set)
    writers = [asyncio.create_task(outbox.put(b"%d" % number)) for number in range(10)]
    await asyncio.sleep(0.01)
    assert sum(writer.done() for writer in writers) == 2
    assert not outbox.offer(b"too much")
    await asyncio.wait_for(stalled.wait(), 1)
    while len(way.sent) < 10:
        way.blocked = False
        outbox.drain()
        way.blocked = True
        await asyncio.sleep(0)
    way.blocked = False
    outbox.drain()
    await asyncio.gather(*writers)
    await outbox.flushed()
    assert way.sent == [b"%d" % number for number in range(10)]
    assert outbox.offer(b"room again")


async def test_an_outbox_before_a_quick_reader_holds_nothing_and_asks_no_timer() -> None:
    way = Way(blocked=False)
    outbox = Outbox(way, WireLimits(stalled_seconds=0.01), lambda: pytest.fail("it stalled"))
    await outbox.put(b"a")
    outbox.push(b"b")
    assert outbox.offer(b"c")
    await asyncio.sleep(0.05)
    assert way.sent == [b"a", b"b", b"c"]
