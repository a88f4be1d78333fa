"""One signed-in device: a keep-alive HTTP connection and one socket for all its streams."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from simulators.client.tally import RequestStatistics

TIMEOUT_SECONDS = 20.0
INBOX_MESSAGES = 1000
NAME = re.compile(r"(?:query|mutation|subscription)\s+(\w+)")
JSON = {"content-type": "application/json", "accept": "application/json"}


class RequestFailed(Exception):
    """The server answered with errors, whose codes are known then, or not at all."""

    def __init__(self, message: str, codes: Sequence[str] = ()) -> None:
        self.codes = list(codes)
        super().__init__(message)


class GraphClient:
    """Speaks to one graph as one person; every operation's time goes into the tally."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, tally: RequestStatistics | None = None
    ) -> None:
        self.http = http
        self._url = url
        self.tally = tally or RequestStatistics()
        self.token: str | None = None
        self.opened_sockets = 0
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._opening = asyncio.Lock()
        self._inboxes: dict[str, asyncio.Queue[dict[str, Any] | None]] = {}
        self._ids = itertools.count(1)
        self._reader: asyncio.Task[None] | None = None

    async def run(self, document: str, key: str | None = None, **variables: Any) -> Any:
        """Run a query or mutation by HTTP, return its data; raises RequestFailed on any error."""
        name = operation_name(document)
        headers = dict(JSON)
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if key:
            headers["idempotency-key"] = key
        body = orjson.dumps({"query": document, "variables": variables})
        began = time.perf_counter()
        try:
            async with self.http.post(
                self._url,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            ) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            self.tally.fail(name, repr(error))
            raise RequestFailed(f"{name}: {error!r}") from error
        self.tally.add(name, time.perf_counter() - began)
        if answer.get("errors"):
            self.tally.fail(name, str(answer["errors"][0]))
            raise RequestFailed(f"{name}: {answer['errors']}", _codes(answer["errors"]))
        return answer["data"]

    async def watch(self, document: str, **variables: Any) -> AsyncIterator[Any]:
        """Subscribe by WebSocket; one item per message, until the server completes it."""
        socket = await self._connected()
        number = str(next(self._ids))
        inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(INBOX_MESSAGES)
        self._inboxes[number] = inbox
        payload = {"query": document, "variables": variables}
        await _send(socket, {"id": number, "type": "subscribe", "payload": payload})
        try:
            while (message := await inbox.get()) is not None:
                if message["type"] == "complete":
                    return
                if message["type"] == "error":
                    raise RequestFailed(str(message["payload"]), _codes(message["payload"]))
                if errors := message["payload"].get("errors"):
                    raise RequestFailed(str(errors), _codes(errors))
                yield message["payload"]["data"]
            raise RequestFailed("the socket was closed")
        finally:
            del self._inboxes[number]
            if not socket.closed:
                with suppress(Exception):
                    await _send(socket, {"id": number, "type": "complete"})

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _connected(self) -> aiohttp.ClientWebSocketResponse:
        async with self._opening:
            if self._socket is None or self._socket.closed:
                self._socket = await self._connect()
                self.opened_sockets += 1
                self._reader = asyncio.create_task(self._read(self._socket))
            return self._socket

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        address = self._url.replace("http", "ws", 1)
        socket = await self.http.ws_connect(address, protocols=("graphql-transport-ws",))
        payload = {"authorization": f"Bearer {self.token}"} if self.token else {}
        await _send(socket, {"type": "connection_init", "payload": payload})
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await socket.receive()
        if answer.type is not aiohttp.WSMsgType.TEXT:
            raise RequestFailed(f"the socket was refused: {answer.data} {answer.extra}")
        if orjson.loads(answer.data)["type"] != "connection_ack":
            raise RequestFailed(f"no connection_ack but {answer.data}")
        return socket

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            message = orjson.loads(frame.data)
            if message["type"] == "ping":
                await _send(socket, {"type": "pong"})
            elif inbox := self._inboxes.get(message.get("id", "")):
                await inbox.put(message)
        for inbox in self._inboxes.values():
            await inbox.put(None)


async def _send(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
    await socket.send_str(orjson.dumps(message).decode())


def _codes(errors: list[dict[str, Any]]) -> list[str]:
    return [error.get("extensions", {}).get("code", "") for error in errors]


def operation_name(document: str) -> str:
    """The name of a document's first operation, for the tally."""
    found = NAME.search(document)
    return found[1] if found else "anonymous"
