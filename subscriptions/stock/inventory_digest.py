"""Collects the inventory events of one store for a moment and delivers them as one digest.

All subscriptions of the store in this process receive the same digest at the same time, so that
equal ones share one answer. A lagging subscription reads the log alone until it has caught up.
"""

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from contextlib import aclosing
from uuid import UUID

from database.announcer import EventNotice
from database.scope import PLATFORM
from database.sessions import Database
from services.core import cursors
from services.events.event_log import inventory_stream
from subscriptions.engine.hub import Hub
from subscriptions.engine.listener import Listener
from subscriptions.stock.inventory_state import InventoryDigest, InventoryState, product_changes

log = logging.getLogger("darkstore.streams")

DIGEST_SECONDS = 0.15
MAX_DIGEST_EVENTS = 1_000
RETRY_SECONDS = 0.5
DIGEST_TYPE = "INVENTORY_DIGEST"


class InventoryFeed:
    """An event source that replaces the inventory events of one store by digests."""

    def __init__(self, hub: Hub, database: Database, store_id: UUID) -> None:
        self._hub = hub
        self._database = database
        self._stream = inventory_stream(store_id)
        self._state = InventoryState(database, store_id)
        self._listeners: set[Listener] = set()
        self._queue: asyncio.Queue[EventNotice] = asyncio.Queue(MAX_DIGEST_EVENTS)
        self._tasks: list[asyncio.Task[None]] = []
        self._start_lock = asyncio.Lock()

    async def start(self) -> None:
        """Start at the head of the log, once; a subscription that starts later misses nothing."""
        async with self._start_lock:
            if self._tasks:
                return
            loops = (self._collect(await self._head()), self._deliver())
            self._tasks = [asyncio.create_task(loop, name="inventory-feed") for loop in loops]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def read_products(self, product_ids: Collection[UUID]) -> InventoryDigest:
        """Read products now: the result includes every event that has been delivered."""
        return await self._state.read_products(product_ids)

    def add_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Deliver digests to a listener from now on."""
        self._listeners.add(listener)

    def remove_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Stop the delivery."""
        listener.close()
        self._listeners.discard(listener)

    def take_notices(self, listener: Listener) -> Sequence[EventNotice]:
        """Take the digests that were delivered."""
        return listener.take_notices()

    async def read_missed(self, listener: Listener) -> Sequence[EventNotice]:
        """Read a batch of the events that a lagging listener missed, as one digest."""
        batch = await self._hub.read_missed(listener)
        if not batch:
            return []
        changes = (change for notice in batch for change in product_changes(notice))
        product_ids = {UUID(str(change["product_id"])) for change in changes}
        return [self._digest_notice(await self._read_retrying(product_ids), batch)]

    async def _read_retrying(self, product_ids: Collection[UUID]) -> InventoryDigest:
        """Read products now; retries while the database is unreachable."""
        while True:
            try:
                return await self._state.read_products(product_ids)
            except Exception as error:
                log.warning("%s can't be read, trying again: %r", self._stream, error)
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))

    async def _head(self) -> int:
        """Return the number of the stream's last event."""
        async with self._database.read(PLATFORM) as session:
            return (await cursors.stream_heads(session, [self._stream]))[self._stream].seq

    async def _collect(self, after: int) -> None:
        """Collect events into the queue; after a failure it restarts at the head, and its
        listeners read the log."""
        failed = False
        while True:
            try:
                if failed:
                    after = await self._head()
                    self._mark_all_lagging()
                async with aclosing(self._hub.events(self._stream, after)) as batches:
                    async for batch in batches:
                        for notice in batch:
                            await self._queue.put(notice)
            except Exception as error:
                log.warning("%s can't be collected, trying again: %r", self._stream, error)
                failed = True
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))

    def _mark_all_lagging(self) -> None:
        for listener in self._listeners:
            listener.mark_lagging(self._stream)

    async def _deliver(self) -> None:
        while True:
            notices = [await self._queue.get()]
            while len(notices) < MAX_DIGEST_EVENTS and not self._queue.empty():
                notices.append(self._queue.get_nowait())
            await self._deliver_digest(notices)
            if not self._queue.full():
                await asyncio.sleep(DIGEST_SECONDS)

    async def _deliver_digest(self, notices: Sequence[EventNotice]) -> None:
        try:
            digest = await self._state.apply_events(notices)
        except Exception as error:
            log.warning(
                "a digest of %s failed, its listeners read the log: %r", self._stream, error
            )
            self._mark_all_lagging()
            return
        notice = self._digest_notice(digest, notices)
        for listener in self._listeners:
            listener.receive_notice(notice)

    def _digest_notice(
        self, digest: InventoryDigest, notices: Sequence[EventNotice]
    ) -> EventNotice:
        last, count = notices[-1], notices[-1].seq - notices[0].seq + 1
        return EventNotice(self._stream, last.seq, DIGEST_TYPE, {"digest": digest}, last.at, count)
