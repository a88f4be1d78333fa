"""Bodies that drip at every address, chunks of one byte, and trailers without an end."""

import asyncio
from collections.abc import Sequence

from attack.figures import Effort, Figure
from attack.target import Target
from tests.support.server.raw_client import RawConnection, post, raw_connection

ENTRY_POINTS = (
    "/graphql", "/oauth/token", "/webhooks/stripe", "/riders/positions", "/imports", "/healthz",
    "/nowhere",
)  # fmt: skip
PATIENCE_SECONDS = 60.0
SOURCE = "127.0.0.3"
CHUNKED = post(b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
TRAILERS = CHUNKED + b"2\r\n{}\r\n0\r\n"


async def attack(target: Target, effort: Effort) -> Sequence[Figure]:
    """Begin a body at every entry point and let it drip; send framing as fast as it is accepted."""
    dripping = [
        _stays_open(target, post(b"{", path=path, length=5_000), b"x")
        for path in ENTRY_POINTS
        for _ in range(effort.scale(20))
    ]
    framing = [
        _stays_open(target, TRAILERS, b"x: %b\r\n" % (b"x" * 8_000), pause_seconds=0),
        _stays_open(target, CHUNKED, b"1;%b\r\nx\r\n" % (b"x" * 8_000), pause_seconds=0),
    ]
    open_after = await asyncio.gather(*dripping, *framing)
    return [
        Figure("bodies that drip and are open after 60 s", sum(open_after[: len(dripping)]), 0),
        Figure("bodies of framing that are open after 60 s", sum(open_after[len(dripping) :]), 0),
    ]


async def _stays_open(
    target: Target, begin: bytes, piece: bytes, *, pause_seconds: float = 1.0
) -> bool:
    async with raw_connection(target.port, source=SOURCE) as connection:
        await connection.send(begin)
        reading = asyncio.create_task(_read(connection))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not connection.lost:
                    await connection.send(piece)
                    await asyncio.sleep(pause_seconds)
        except TimeoutError:
            return True
        finally:
            reading.cancel()
    return False


async def _read(connection: RawConnection) -> None:
    await connection.closed()
