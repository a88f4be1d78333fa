"""A client that keeps its connection, for attacks of many requests."""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
PATIENCE_SECONDS = 30.0
STREAM_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The status and the body of an answer; status 0 when there was none."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


class KeptConnection:
    """Sends GraphQL requests one after another; a connection that was closed is opened anew."""

    def __init__(self, port: int, *, source: str = HOST) -> None:
        self._port, self._source = port, source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drop()

    async def ask(self, body: object, *, token: str = "", stream: bool = False) -> Reply:
        """Send a request; of a stream only the first message is read."""
        sent = json.dumps(body).encode()
        reply = await self._try(sent, token, stream=stream)
        if reply.status == 0:  # a server may close a kept connection at any time
            reply = await self._try(sent, token, stream=stream)
        return reply

    async def _try(self, sent: bytes, token: str, *, stream: bool) -> Reply:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reader, writer = self._streams or await self._open()
                writer.write(_head(len(sent), token, stream=stream) + sent)
                await writer.drain()
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                lines = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
                status = int(head.split()[1])
                if "content-length" in lines:
                    return Reply(status, await reader.readexactly(int(lines["content-length"])))
                return Reply(status, await self._first_message(reader))
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self._drop()
            return Reply(0, b"")

    async def _first_message(self, reader: asyncio.StreamReader) -> bytes:
        """The first data of a stream, empty when there is none in time; the connection ends."""
        found = b""
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                while not (found.startswith(b"data:") and found.endswith(b"\n")):
                    found = await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError):
            found = b""
        self._drop()
        return found.removeprefix(b"data:").strip()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(
            HOST, self._port, local_addr=(self._source, 0), limit=16_000_000
        )
        return self._streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _head(length: int, token: str, *, stream: bool) -> bytes:
    accept = "text/event-stream" if stream else "application/json"
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    return (
        "POST /graphql HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        f"accept: {accept}\r\n{authorization}content-length: {length}\r\n\r\n"
    ).encode()
