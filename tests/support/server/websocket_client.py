"""A bare graphql-transport-ws client, which sends exactly what a test passes to it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from server.transport.websocket.endpoint import SUBPROTOCOL


class WebSocketClient:
    """One socket, with the protocol's messages as methods."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message that is no heartbeat; answers heartbeats."""
        while True:
            message: dict[str, Any] = json.loads(await self.connection.recv())
            if message["type"] != "ping":
                return message
            await self.send(type="pong")

    async def init(self, token: str | None = None) -> None:
        payload = {"authorization": f"Bearer {token}"} if token else None
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, **more: Any) -> None:
        await self.send(id=id, type="subscribe", payload={"query": query, **more})

    async def wait_closed(self, silent: bool = False) -> tuple[int, str]:
        """Read until the server closes; its code and its reason."""
        with suppress(ConnectionClosed):
            while True:
                await (self.connection.recv() if silent else self.receive())
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def open_socket(
    url: str, subprotocol: str = SUBPROTOCOL, **options: Any
) -> AsyncIterator[WebSocketClient]:
    """Open a socket for the block."""
    async with connect(url, subprotocols=[Subprotocol(subprotocol)], **options) as connection:
        yield WebSocketClient(connection)
