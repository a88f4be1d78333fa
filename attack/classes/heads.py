"""Heads without an end, with too many lines, too long a URL, and in front of a socket."""

import asyncio
import socket
from collections.abc import Sequence

from attack.bystander import bystander_of
from attack.figures import Effort, Figure
from attack.target import Target
from tests.support.server.raw_client import post, raw_connection

PIECE = b"x" * 65_536
LIMIT_MB = 4.0
MEMORY_MB = 64.0
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
ENDLESS = {
    "a line without an end": (b"POST /graphql HTTP/1.1\r\nx: ", PIECE),
    "lines without an end": (b"POST /graphql HTTP/1.1\r\n", b"x: %b\r\n" % PIECE),
    "a URL without an end": (b"GET /", PIECE),
    "an upgrade without an end": (UPGRADE, b"x: %b\r\n" % PIECE),
}
MANY = b"".join(b"x-%d: 1\r\n" % number for number in range(10_000))


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Send each endless head on several connections, while a bystander asks."""
    before, most = target.memory_mb(), 16 if effort.short else 128
    async with bystander_of(target) as bystander:
        sent = await asyncio.gather(
            *(
                _send_endless(target, begin, piece, most)
                for begin, piece in ENDLESS.values()
                for _ in range(effort.scale(20))
            )
        )
        statuses = [await _status(target, MANY), await _status(target, b"x: %b\r\n" % PIECE)]
    return [
        Figure("MB of an endless head that a connection accepts", max(sent), LIMIT_MB, "MB"),
        Figure("growth of the server's memory", target.memory_mb() - before, MEMORY_MB, "MB"),
        Figure("heads of 10,000 lines or 64 KB that are answered", statuses.count(200), 0),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


async def _send_endless(target: Target, begin: bytes, piece: bytes, most_mb: int) -> float:
    """How many MB were sent before the connection was closed."""
    sent = 0
    async with raw_connection(target.port) as connection:
        # Otherwise the kernel keeps up to four megabytes that the server never takes.
        kernel: socket.socket = connection.writer.get_extra_info("socket")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(PIECE))
        await connection.send(begin)
        while not connection.lost and sent < most_mb * 1_000_000:
            await connection.send(piece)
            sent += len(piece)
    return sent / 1_000_000


async def _status(target: Target, lines: bytes) -> int:
    async with raw_connection(target.port) as connection:
        await connection.send(post(b"{}", headers=lines))
        return (await connection.response())[0]
