"""A bare graphql-transport-ws client: what it sends is exactly what a test says."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from server.transport.websocket.endpoint import SUBPROTOCOL


class Talk:
    """One socket, with the protocol's messages as methods."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """The next message that is no heartbeat; heartbeats are answered."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.recv())
            if message["type"] != "ping":
                return message
            await self.say(type="pong")

    async def init(self, token: str | None = None) -> None:
        payload = {"authorization": f"Bearer {token}"} if token else None
        await self.say(type="connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, **more: Any) -> None:
        await self.say(id=id, type="subscribe", payload={"query": query, **more})

    async def until_closed(self, silent: bool = False) -> tuple[int, str]:
        """Read on until the server closes; the code and the reason it gave."""
        with suppress(ConnectionClosed):
            while True:
                await (self.socket.recv() if silent else self.hear())
        return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def talk(url: str, subprotocol: str = SUBPROTOCOL, **options: Any) -> AsyncIterator[Talk]:
    """Open a socket for the block."""
    async with connect(url, subprotocols=[Subprotocol(subprotocol)], **options) as socket:
        yield Talk(socket)
