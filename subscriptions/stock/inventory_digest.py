"""The events of one store's shelf, gathered for a moment and told as one digest.

All who watch the store in this process hear of it at the same time: those who watch the same walk
together, and what they hear is written down once. Who lags behind reads the log alone until they
have caught up. To a course it is what the hub is, with digests for events.
"""

import asyncio
import logging
import random
from collections.abc import Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING
from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Hint
from services.core import cursors
from services.events.event_log import inventory_stream
from subscriptions.engine.listener import Listener
from subscriptions.stock.inventory_state import Digest, Shelf, changes_of

if TYPE_CHECKING:
    from subscriptions.engine.hub import Hub

log = logging.getLogger("darkstore.streams")

GATHER_SECONDS = 0.15
DIGEST_EVENTS = 1_000
RETRY_SECONDS = 0.5
DIGEST = "SHELF_DIGEST"


class Feed:
    """The digests of one store, from its beginning on."""

    def __init__(self, hub: "Hub", database: Database, store_id: UUID) -> None:
        self._hub = hub
        self._database = database
        self._stream = inventory_stream(store_id)
        self._shelf = Shelf(database, store_id)
        self._listeners: set[Listener] = set()
        self._queue: asyncio.Queue[Hint] = asyncio.Queue(DIGEST_EVENTS)
        self._tasks: list[asyncio.Task[None]] = []
        self._beginning = asyncio.Lock()

    async def begin(self) -> None:
        """Begin at the end of the log, unless that is done; who sets out later misses nothing."""
        async with self._beginning:
            if self._tasks:
                return
            works = (self._gather(await self._end()), self._tell())
            self._tasks = [asyncio.create_task(one, name="shelf-feed") for one in works]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self, product_ids: Collection[UUID]) -> Digest:
        """The products as they are now: as new as every event that has been told."""
        return await self._shelf.look(product_ids)

    def join(self, listener: Listener, topic: str | None = None) -> None:
        """Tell a listener of the store from this moment on."""
        self._listeners.add(listener)

    def leave(self, listener: Listener, topic: str | None = None) -> None:
        """Tell it no more."""
        listener.close()
        self._listeners.discard(listener)

    def following(self, listener: Listener) -> Sequence[Hint]:
        """What the listener was told and has not taken yet."""
        return listener.following()

    async def missed(self, listener: Listener) -> Sequence[Hint]:
        """What the others have heard beyond the place of one who lags: a part of it, in order."""
        batch = await self._hub.missed(listener)
        if not batch:
            return []
        keys = {UUID(str(one["product_id"])) for hint in batch for one in changes_of(hint)}
        return [self._hint(await self._looked(keys), batch)]

    async def _looked(self, product_ids: Collection[UUID]) -> Digest:
        """The products as they are now; the database may be away for a while."""
        while True:
            try:
                return await self._shelf.look(product_ids)
            except Exception as error:
                log.warning("%s can't be read, trying again: %r", self._stream, error)
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))

    async def _end(self) -> int:
        """The number of the last event there is."""
        async with self._database.read(PLATFORM) as session:
            return (await cursors.heads(session, [self._stream]))[self._stream].seq

    async def _gather(self, begin: int) -> None:
        """Gather for ever; where that fails it begins anew at the end, and its listeners read."""
        failed = False
        while True:
            try:
                if failed:
                    begin = await self._end()
                    self._lag()
                async with aclosing(self._hub.events(self._stream, begin)) as batches:
                    async for batch in batches:
                        for hint in batch:
                            await self._queue.put(hint)
            except Exception as error:
                log.warning("%s can't be gathered, trying again: %r", self._stream, error)
                failed = True
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))

    def _lag(self) -> None:
        for listener in self._listeners:
            listener.lag(self._stream)

    async def _tell(self) -> None:
        while True:
            hints = [await self._queue.get()]
            while len(hints) < DIGEST_EVENTS and not self._queue.empty():
                hints.append(self._queue.get_nowait())
            await self._tell_of(hints)
            if not self._queue.full():
                await asyncio.sleep(GATHER_SECONDS)

    async def _tell_of(self, hints: Sequence[Hint]) -> None:
        try:
            told = self._hint(await self._shelf.digest(hints), hints)
        except Exception as error:
            log.warning("a digest of %s failed, its listeners read: %r", self._stream, error)
            self._lag()
            return
        for listener in self._listeners:
            listener.told(told)

    def _hint(self, digest: Digest, of: Sequence[Hint]) -> Hint:
        last, events = of[-1], of[-1].seq - of[0].seq + 1
        return Hint(self._stream, last.seq, DIGEST, {"digest": digest}, last.at, events)
