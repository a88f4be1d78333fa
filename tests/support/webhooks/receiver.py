"""A webhook endpoint on the loopback interface, with configurable responses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken"
Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ReceivedRequest:
    """A request that was received."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        return self.payload["data"]


@dataclass
class WebhookReceiver:
    """Keeps all requests; `respond` writes the responses, by default 200."""

    port: int
    requests: list[ReceivedRequest] = field(default_factory=list)
    respond: Respond | None = None
    open_requests: int = 0
    max_open_requests: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def handle_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer every request of one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._handle_request(reader, writer)
        writer.close()

    async def _handle_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(ReceivedRequest(headers, body))
        self.open_requests += 1
        self.max_open_requests = max(self.max_open_requests, self.open_requests)
        try:
            if self.respond is None:
                writer.write(OK)
            else:
                await self.respond(writer)
            await writer.drain()
        finally:
            self.open_requests -= 1


def respond_with(status: int, *headers: str) -> Respond:
    """Return a response with this status and these header lines."""

    async def respond(writer: asyncio.StreamWriter) -> None:
        lines = "".join(f"{header}\r\n" for header in headers)
        writer.write(f"HTTP/1.1 {status} So\r\n{lines}content-length: 2\r\n\r\nno".encode())

    return respond


async def never_respond(writer: asyncio.StreamWriter) -> None:
    """Send nothing for 30 seconds."""
    await asyncio.sleep(30)


async def respond_with_10_megabytes(writer: asyncio.StreamWriter) -> None:
    """Send a body of ten megabytes."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n")
    for _ in range(160):
        writer.write(b"ab" * 32_768)
        await writer.drain()


@asynccontextmanager
async def run_receiver() -> AsyncIterator[WebhookReceiver]:
    """Run a receiver on a free port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        receiver = WebhookReceiver(listener.getsockname()[1])
        server = await asyncio.start_server(receiver.handle_connection, sock=listener)
        try:
            yield receiver
        finally:
            server.close()
