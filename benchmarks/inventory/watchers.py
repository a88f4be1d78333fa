"""Clients that follow the stock of a store over WebSocket and store all messages."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from benchmarks.live.listeners import (
    MAX_CONCURRENT_OPENS,
    TIMEOUT_SECONDS,
    Group,
    ListenEndpoint,
    WebSocketListener,
)
from services.core import cursors

SUBSCRIBE = '{"id":"1","type":"subscribe","payload":%s}'


@dataclass(frozen=True, slots=True)
class InventoryMessage:
    """A message, parsed once for all clients that received the same bytes."""

    seq: int
    changes: tuple[tuple[str, Any], ...]
    """By product id: (on hand, held, version), or (availability, price)."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a client follows: some products or all, as availability or (with a token) as numbers."""

    port: int
    document: str
    store_id: str
    stream: str
    product_ids: tuple[str, ...] | None = None
    token: str | None = None

    @property
    def numbers(self) -> bool:
        return self.token is not None

    def body(self) -> str:
        variables = {"storeId": self.store_id, "productIds": self.product_ids}
        return orjson.dumps({"query": self.document, "variables": variables}).decode()


@dataclass
class WatcherGroup(Group):
    """All clients; equal messages are parsed once."""

    parsed: dict[bytes, InventoryMessage] = field(default_factory=dict)

    def parse(self, payload: bytes, window: Window) -> InventoryMessage:
        if (known := self.parsed.get(payload)) is None:
            known = self.parsed[payload] = _parse(payload, window)
        return known


class Watcher(WebSocketListener):
    """One client: the stock as it knows it, and when each message arrived."""

    __slots__ = ("arrivals", "shelf", "window")

    def __init__(self, window: Window, group: WatcherGroup) -> None:
        super().__init__(cast(ListenEndpoint, window), group)
        self.window = window
        self.shelf: dict[str, Any] = {}
        self.arrivals: list[tuple[float, InventoryMessage]] = []

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if b'"type":"next"' not in payload:
            if b'"type":"connection_ack"' in payload:
                self._send(SUBSCRIBE % self.window.body())
                return
            super()._on_frame(opcode, payload)
            return
        now = time.perf_counter()
        message = cast(WatcherGroup, self.group).parse(payload, self.window)
        self.shelf.update(message.changes)
        self.arrivals.append((now, message))
        if not self.subscribed.is_set():
            self.mark_subscribed()


def _parse(payload: bytes, window: Window) -> InventoryMessage:
    message = orjson.loads(payload)["payload"]
    assert not message.get("errors"), message
    data = message["data"]["stockChanged"]
    positions = cursors.decode_cursor(data["cursor"], [window.stream])
    assert positions is not None
    changes = tuple((one["productId"], _of(one, window.numbers)) for one in data["changes"])
    return InventoryMessage(positions[window.stream].seq, changes)


def _of(change: Any, numbers: bool) -> Any:
    if numbers:
        return change["onHand"], change["reserved"], change["version"]
    return change["availability"], change["product"]["price"]["minorUnits"]


async def open_watchers(windows: Sequence[Window]) -> list[Watcher]:
    """Open one client for each window and wait until all are subscribed."""
    group = WatcherGroup(len(windows))
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(MAX_CONCURRENT_OPENS)

    async def one(window: Window) -> Watcher:
        async with turn:
            watcher = Watcher(window, group)
            await loop.create_connection(lambda: watcher, "127.0.0.1", window.port)
            await watcher.subscribed.wait()
            return watcher

    async with asyncio.timeout(TIMEOUT_SECONDS):
        watchers = await asyncio.gather(*(one(window) for window in windows))
        await group.all_ready()
    return list(watchers)
