"""Silent and half-sent requests from one address, more than it has places for."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from attack.bystander import bystander_of
from attack.figures import Effort, Figure
from attack.target import PER_ADDRESS, Target
from tests.support.server.raw_client import RawConnection, post, raw_connection

BEGINS = (b"", b"POST /graphql HT", b"POST /graphql HTTP/1.1\r\nhost: he", post(b"{", length=50))
PATIENCE_SECONDS = 60.0
SOURCE = "127.0.0.4"


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Open as many connections as possible, begin requests, and wait until the server acts."""
    wanted = PER_ADDRESS + effort.scale(1_000)
    async with AsyncExitStack() as stack, bystander_of(target) as bystander:
        opened = [
            await stack.enter_async_context(raw_connection(target.port, source=SOURCE))
            for _ in range(wanted)
        ]
        for number, connection in enumerate(opened):
            await connection.send(BEGINS[number % len(BEGINS)])
        await asyncio.sleep(2)
        accepted = target.open_sockets(SOURCE)
        closed = await asyncio.gather(*(_is_closed(connection) for connection in opened))
    return [
        Figure("connections of one address that stay", accepted, PER_ADDRESS),
        Figure("silent or half-sent ones open after 60 s", closed.count(False), 0),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


async def _is_closed(connection: RawConnection) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await connection.closed()
    except TimeoutError:
        return False
