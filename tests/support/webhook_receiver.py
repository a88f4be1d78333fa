"""A third party's endpoint on loopback: takes, fails, hangs, redirects or floods as it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken"
Behave = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Got:
    """One message that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        return self.told["data"]


@dataclass
class Receiver:
    """`behave` answers; what came is kept whatever was answered."""

    port: int
    got: list[Got] = field(default_factory=list)
    behave: Behave | None = None
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def door(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Every request of one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._one(reader, writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append(Got(headers, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.behave is None:
                writer.write(OK)
            else:
                await self.behave(writer)
            await writer.drain()
        finally:
            self.at_once -= 1


def answering(status: int, *headers: str) -> Behave:
    """Answers a status."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{one}\r\n" for one in headers)
        writer.write(f"HTTP/1.1 {status} So\r\n{more}content-length: 2\r\n\r\nno".encode())

    return behave


async def hanging(writer: asyncio.StreamWriter) -> None:
    """Answers nothing."""
    await asyncio.sleep(30)


async def flooding(writer: asyncio.StreamWriter) -> None:
    """Answers ten megabytes."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n")
    for _ in range(160):
        writer.write(b"ab" * 32_768)
        await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free loopback port while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        receiver = Receiver(door.getsockname()[1])
        server = await asyncio.start_server(receiver.take, sock=door)
        try:
            yield receiver
        finally:
            server.close()
