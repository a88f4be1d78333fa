"""Those who watch a store's shelf over WebSocket, and remember all that they were told."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from benchmarks.live.crowd import OPENING_AT_ONCE, PATIENCE_SECONDS, Door, Group, SocketEar
from services.core import cursors

SUBSCRIBE = '{"id":"1","type":"subscribe","payload":%s}'


@dataclass(frozen=True, slots=True)
class Told:
    """A message, read once for all who got the same bytes."""

    seq: int
    changes: tuple[tuple[str, Any], ...]
    """By product id what is told of it: (on hand, held, version), or (band, price)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the shelf: the products, or all of them, in bands or (with a token) in numbers."""

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
class Crowd(Group):
    """All who watch; what equal messages say is kept for them together."""

    read: dict[bytes, Told] = field(default_factory=dict)

    def told_by(self, payload: bytes, window: Window) -> Told:
        if (known := self.read.get(payload)) is None:
            known = self.read[payload] = _told(payload, window)
        return known


class Watcher(SocketEar):
    """One client: its map of the shelf, and when each message came."""

    __slots__ = ("arrivals", "shelf", "window")

    def __init__(self, window: Window, crowd: Crowd) -> None:
        super().__init__(cast(Door, window), crowd)
        self.window = window
        self.shelf: dict[str, Any] = {}
        self.arrivals: list[tuple[float, Told]] = []

    def _hear(self, opcode: int, payload: bytes) -> None:
        if b'"type":"next"' not in payload:
            if b'"type":"connection_ack"' in payload:
                self._say(SUBSCRIBE % self.window.body())
                return
            super()._hear(opcode, payload)
            return
        now = time.perf_counter()
        told = cast(Crowd, self.group).told_by(payload, self.window)
        self.shelf.update(told.changes)
        self.arrivals.append((now, told))
        if not self.placed.is_set():
            self.in_place()


def _told(payload: bytes, window: Window) -> Told:
    message = orjson.loads(payload)["payload"]
    assert not message.get("errors"), message
    said = message["data"]["inventoryChanged"]
    places = cursors.decode_cursor(said["cursor"], [window.stream])
    assert places is not None
    changes = tuple((one["productId"], _of(one, window.numbers)) for one in said["changes"])
    return Told(places[window.stream].seq, changes)


def _of(change: Any, numbers: bool) -> Any:
    if numbers:
        return change["onHand"], change["held"], change["version"]
    return change["availability"], change["product"]["price"]["minor"]


async def watching(windows: Sequence[Window]) -> tuple[Crowd, list[Watcher]]:
    """One watcher for each window, all in place."""
    crowd = Crowd(len(windows))
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(window: Window) -> Watcher:
        async with turn:
            watcher = Watcher(window, crowd)
            await loop.create_connection(lambda: watcher, "127.0.0.1", window.port)
            await watcher.placed.wait()
            return watcher

    async with asyncio.timeout(PATIENCE_SECONDS):
        made = await asyncio.gather(*(one(window) for window in windows))
        await crowd.all_ready()
    return crowd, list(made)
