"""Sockets that never say who they are, and sockets that cause answers and read none."""

import asyncio
from collections.abc import Sequence

from attack.bystander import bystander_of
from attack.figures import Effort, Figure
from attack.target import Target
from tests.support.server.raw_client import RawConnection, raw_connection

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
PING = b"\x89\xfd\x00\x00\x00\x00" + b"x" * 125
# Five until it is closed, ten for the answer to that.
PATIENCE_SECONDS = 60.0
SOURCE = "127.0.0.5"
MEMORY_MB = 64.0


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Open sockets that stay silent or never read, while a bystander asks."""
    before = target.memory_mb()
    async with bystander_of(target) as bystander:
        silent = [_stays_silent(target) for _ in range(effort.scale(50))]
        pinging = [_sends_pings(target, effort) for _ in range(effort.scale(30))]
        open_after = await asyncio.gather(*silent)
        await asyncio.gather(*pinging)
        grown = target.memory_mb() - before
    return [
        Figure("sockets without connection_init open after 60 s", sum(open_after), 0),
        Figure("growth of the server's memory by pings", grown, MEMORY_MB, "MB"),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


async def _stays_silent(target: Target) -> bool:
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(UPGRADE)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return not await connection.closed()
        except TimeoutError:
            return True


async def _sends_pings(target: Target, effort: Effort) -> None:
    """Send pings and read no pong: the pongs must not be kept for this client."""
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(UPGRADE)
        _stop_reading(connection)
        for _ in range(effort.scale(2_000)):
            if connection.lost:
                return
            await connection.send(PING * 500)


def _stop_reading(connection: RawConnection) -> None:
    connection.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport of streams can
