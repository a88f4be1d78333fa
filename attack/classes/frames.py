"""Malicious frames: each socket that sends them is closed, and costs little."""

import asyncio
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import repeat

from attack.bystander import bystander_of
from attack.classes.sockets import UPGRADE
from attack.figures import Effort, Figure
from attack.target import Target, document
from tests.support.production.cpu_meter import CpuMeter
from tests.support.server.raw_client import RESET, RawConnection, raw_connection

SOURCE = "127.0.0.6"
PATIENCE_SECONDS = 60.0
MOST_FRAMES = 20_000
MEMORY_MB = 64.0
FLOOD_BYTES = 4_000_000
FLOOD_SECONDS = 2.0
PIECE_FRAMES = 400
ORDINARY_COUNT = 20
MAX_RATIO = 100.0
"""How many ordinary sockets one may take, whatever it sends; five to ten are the bystander's."""
MAX_FRAMES_RATIO = 20.0
"""How many ordinary sockets a thousand pings of a flood may take, each of which is answered."""
CONTINUATION, TEXT, BINARY, CLOSE, PING = 0x0, 0x1, 0x2, 0x8, 0x9
FIN, RSV1 = 0x80, 0x40
Frames = Iterator[bytes]


def frame(payload: bytes, opcode: int = TEXT, flags: int = FIN, *, masked: bool = True) -> bytes:
    """One frame of a client."""
    size, mask = len(payload), 0x80 if masked else 0
    head = bytes([flags | opcode])
    if size < 126:
        head += bytes([mask | size])
    elif size < 65_536:
        head += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", size)
    # A mask of zeros is a mask.
    return head + (b"\0\0\0\0" if masked else b"") + payload


def message(kind: str, **more: object) -> bytes:
    """A message of the protocol in a frame."""
    return frame(json.dumps({"type": kind, **more}).encode())


def subscribe(number: object, query: object = "{ __typename }") -> bytes:
    return message("subscribe", id=str(number), payload={"query": query})


def subscribed(*payloads: bytes) -> Frames:
    """Operations after an ordinary beginning."""
    yield message("connection_init")
    yield from payloads


def attacks() -> Mapping[str, Frames]:
    """What a socket sends after its handshake, by a name."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(b" " * 50_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
    surrogate = b'{"type":"subscribe","id":"\\ud800","payload":{"query":"{ \\udfff }"}}'
    deep = b'{"type":"ping","payload":{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}}"
    announced = bytes([FIN | TEXT, 0x80 | 127]) + struct.pack("!Q", 2**40) + b"\0\0\0\0"
    return {
        "a frame that announces a terabyte": iter([announced]),
        "a message of a megabyte": iter([frame(b" " * 1_000_000)]),
        "a message in pieces without an end": _endless_message(),
        "frames that are not masked": iter([frame(b"{}", masked=False)]),
        "unknown kinds of frames": iter([frame(b"x", 0x5)]),
        "a compressed bomb": iter([frame(bomb, TEXT, FIN | RSV1)]),
        "control frames of 200 bytes": iter([frame(b"x" * 200, PING)]),
        "control frames in pieces": iter([frame(b"x", PING, 0)]),
        "a close frame with half a code": iter([frame(b"\3", CLOSE)]),
        "a close frame with a code that is none": iter([frame(b"\0\1", CLOSE)]),
        "text that is no UTF-8": iter([frame(b"\xff\xfe{}")]),
        "half of a surrogate pair as an id": subscribed(frame(surrogate), *[subscribe(1)] * 2),
        "binary frames": iter([frame(b"{}", BINARY)]),
        "text that is no JSON": iter([frame(b"{")]),
        "JSON of 30,000 levels": iter([frame(deep)]),
        "a list of operations": iter([frame(b"[{}]")]),
        "operations before connection_init": iter([subscribe(1)]),
        "two connection_init": iter([message("connection_init")] * 2),
        "one id for two operations": subscribed(*[subscribe(1, 'subscription { x }')] * 50),
        "10,000 operations": subscribed(*map(subscribe, range(10_000))),
        "10,000 ends of unknown operations": subscribed(*[message("complete", id="x")] * 10_000),
        "10,000 pings of the protocol": subscribed(*[message("ping")] * 10_000),
        "token after token": subscribed(
            *repeat(message("ping", payload={"authorization": "Bearer x"}), 1_000)
        ),
    }  # fmt: skip


def _endless_message() -> Frames:
    yield frame(b" " * 60_000, TEXT, 0)
    yield from repeat(frame(b" " * 60_000, CONTINUATION, 0), MOST_FRAMES)


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Send each kind on a socket of its own, while a bystander asks."""
    meter = CpuMeter(target.pid, target.instance.postgres.pid() or 0)
    before = target.memory_mb()
    figures = []
    async with bystander_of(target) as bystander:
        ordinary = await _ordinary_ms(target, meter)
        for name in attacks():
            used = meter.read()
            count = 1 if effort.short else 5
            still_open = [await _stays_open(target, attacks()[name]) for _ in range(count)]
            spent = meter.read().since(used).server_ms / count
            # A socket that stays open is worse than any CPU.
            value = float("inf") if any(still_open) else spent / ordinary
            figures.append(Figure(f"CPU of {name}", value, MAX_RATIO, "x"))
        refused = await _refused_protocol(target)
        flood = await _flood_control_frames(target, meter)
    return [
        *figures,
        Figure("sockets of another protocol that are served", int(not refused), 0),
        Figure("CPU of 1,000 control frames", flood / ordinary, MAX_FRAMES_RATIO, "x"),
        Figure("growth of the server's memory", target.memory_mb() - before, MEMORY_MB, "MB"),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


async def _ordinary_ms(target: Target, meter: CpuMeter) -> float:
    """The CPU of a socket that begins, asks once and is closed by its client."""
    asked = document("schema_version")
    before = meter.read()
    for _ in range(ORDINARY_COUNT):
        async with raw_connection(target.port, source=SOURCE) as connection:
            await connection.send(UPGRADE)
            await connection.reader.readuntil(b"\r\n\r\n")
            for one in subscribed(subscribe(1, asked), subscribe(2, asked)):
                await connection.send(one)
            await connection.reader.readuntil(b'"complete"')
    return meter.read().since(before).server_ms / ORDINARY_COUNT


async def _stays_open(target: Target, frames: Frames) -> bool:
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(UPGRADE)
        await connection.reader.readuntil(b"\r\n\r\n")
        reading = asyncio.create_task(_closing(connection))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                for one in frames:
                    if reading.done():
                        break
                    await connection.send(one)
                return not await reading
        reading.cancel()
        return True


async def _closing(connection: RawConnection) -> bool:
    """Read until the server begins to close: by a frame that says so, or at once."""
    reader = connection.reader
    with suppress(*RESET):
        while True:
            opcode, size = await reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            await reader.readexactly(size)
            if opcode & 0x0F == CLOSE:
                break
    return True


async def _refused_protocol(target: Target) -> bool:
    """Whether a socket that asks for another protocol is closed."""
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(UPGRADE.replace(b"graphql-transport-ws", b"mqtt"))
        return await connection.closed()


async def _flood_control_frames(target: Target, meter: CpuMeter) -> float:
    """The CPU of a thousand pings, each of which is answered, in a flood of megabytes."""
    piece, before, sent = frame(os.urandom(125), PING) * PIECE_FRAMES, meter.read(), 0
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(UPGRADE)
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(message("connection_init"))
        reading = asyncio.create_task(_closing(connection))
        for _ in range(FLOOD_BYTES // len(piece)):
            if reading.done():
                break
            await connection.send(piece)
            sent += PIECE_FRAMES
        await asyncio.wait({reading}, timeout=FLOOD_SECONDS)
        reading.cancel()
    return meter.read().since(before).server_ms * 1_000 / max(1, sent)
