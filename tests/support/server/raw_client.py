"""Bytes on a connection, as attackers and broken clients send them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

PATIENCE_SECONDS = 30.0
HOST = "127.0.0.1"
RESET = (ConnectionError, asyncio.IncompleteReadError)


@dataclass
class RawConnection:
    """One connection to a server on this machine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Send these pieces one by one, as far as the server accepts them."""
        with suppress(*RESET):
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()
                await asyncio.sleep(0)

    @property
    def lost(self) -> bool:
        """Whether it is known that the server has closed."""
        return self.reader.at_eof() or self.writer.is_closing()

    async def response(self) -> tuple[int, bytes]:
        """The status and the body of the next response; status 0 when there is none."""
        with suppress(*RESET):
            async with asyncio.timeout(PATIENCE_SECONDS):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
                lines = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
                body = await self.reader.readexactly(int(lines.get("content-length", "0")))
                return int(head.split()[1]), body
        return 0, b""

    async def closed(self) -> bool:
        """Wait until the server closes; the rest is dropped."""
        with suppress(*RESET):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self.reader.read(65_536):
                    pass
        return self.reader.at_eof() or self.reader.exception() is not None


@asynccontextmanager
async def raw_connection(port: int, *, source: str = HOST) -> AsyncIterator[RawConnection]:
    """A connection from an address of this machine, for the block."""
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=(source, 0))
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


def post(
    body: bytes, *, path: str = "/graphql", length: int | None = None, headers: bytes = b""
) -> bytes:
    """The bytes of a POST; `length` is the announced one."""
    announced = len(body) if length is None else length
    return (
        b"POST %b HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n%b"
        b"content-length: %d\r\n\r\n%b" % (path.encode(), headers, announced, body)
    )
