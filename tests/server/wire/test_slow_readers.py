"""A reader that stands still pauses its generators, and is let go before it costs memory."""

import asyncio
import json
import socket

import pytest

from server.wire.limits import WireLimits
from server.wire.outbox import Outbox
from tests.server.wire.test_websocket import settled
from tests.server.wire.world import Served

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


@pytest.mark.parametrize("kind", ["socket", "stream_breaks_on_purpose"])
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
    sent: list[str] = []
    gate = asyncio.Event()

    async def send(text: str) -> None:
        await gate.wait()
        sent.append(text)

    outbox = Outbox(send, WireLimits(outbox_frames=2))
    pump = asyncio.create_task(outbox.pump())
    writers = [asyncio.create_task(outbox.put(str(number))) for number in range(10)]
    await asyncio.sleep(0.01)
    assert sum(writer.done() for writer in writers) <= 3
    gate.set()
    await asyncio.gather(*writers)
    await outbox.flushed()
    assert sent == [str(number) for number in range(10)]
    pump.cancel()
