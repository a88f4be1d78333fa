"""Carries short messages between processes through broadcaster, and lives through its deaths.

broadcaster's listener ends for good when Redis restarts, and tells nobody. So its tasks are watched
here, and the whole broadcast is built anew, with back-off, when one of them ends.
Messages may be lost at any time: whoever needs them all reads the event log.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any
from zlib import crc32

from broadcaster import Broadcast

log = logging.getLogger("darkstore.streams")

SHARDS = 32
OUTBOX_MESSAGES = 10_000
PUBLISH_SECONDS = 0.25
CONNECT_SECONDS = 2.0
LEAVE_SECONDS = 5.0
BACK_OFF_SECONDS = 0.1
BACK_OFF_MOST_SECONDS = 2.0

Receive = Callable[[str], None]
Lost = Callable[[], None]


def shard_of(name: str) -> str:
    """The channel that carries what is said of `name`."""
    return f"darkstore:{crc32(name.encode()) % SHARDS}"


class Carrier:
    """Publishes and receives on every shard; calls `lost` when messages may have been missed."""

    def __init__(self, url: str, receive: Receive, lost: Lost) -> None:
        self._url = url
        self._receive = receive
        self._lost = lost
        self._outbox: asyncio.Queue[tuple[str, str]] = asyncio.Queue(OUTBOX_MESSAGES)
        self._broadcast: Broadcast | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self._failing = False
        self._lived = False
        self.restarts = 0
        self.dropped = 0

    async def start(self) -> None:
        """Start carrying; it does not wait for Redis to be there."""
        self._tasks = [
            asyncio.create_task(self._supervise(), name="carrier"),
            asyncio.create_task(self._send_all(), name="carrier-outbox"),
        ]

    async def close(self) -> None:
        # A cancellation that meets a time-out inside the Redis client comes out as an ordinary
        # error, so the loops ask this flag as well.
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEAVE_SECONDS)

    @property
    def live(self) -> bool:
        """Whether it is connected and listening."""
        return self._broadcast is not None

    def send(self, name: str, message: str) -> None:
        """Hand a message over; when the outbox is full it is dropped, which costs latency only."""
        try:
            self._outbox.put_nowait((shard_of(name), message))
        except asyncio.QueueFull:
            self.dropped += 1

    async def _send_all(self) -> None:
        while not self._closed:
            channel, message = await self._outbox.get()
            broadcast = self._broadcast
            if broadcast is None:
                self.dropped += 1
                continue
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await broadcast.publish(channel, message)
                self._failing = False
            except Exception as error:
                self._lose_outbox(error)

    def _lose_outbox(self, error: Exception) -> None:
        """Drop what waits: after an outage old hints would only stand in the way of new ones."""
        self.dropped += 1
        while not self._outbox.empty():
            self._outbox.get_nowait()
            self.dropped += 1
        if not self._failing:
            self._failing = True
            log.warning("hints can't be sent, streams read the log instead: %r", error)

    async def _supervise(self) -> None:
        pause = BACK_OFF_SECONDS
        while not self._closed:
            self._lived = False
            try:
                await self._carry()
            except Exception as error:
                if self._lived or not self.restarts:
                    log.warning("hints are interrupted, streams read the log instead: %r", error)
            self.restarts += 1
            self._lost()
            pause = BACK_OFF_SECONDS if self._lived else min(BACK_OFF_MOST_SECONDS, pause * 2)
            await asyncio.sleep(pause * random.uniform(1, 1.5))

    async def _carry(self) -> None:
        """Receive until a task of the broadcast ends; raises what ended it."""
        broadcast = Broadcast(self._url)
        stack = AsyncExitStack()
        stack.push_async_callback(_disconnect, broadcast)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await broadcast.connect()
                pumps = [await self._listen(stack, broadcast, n) for n in range(SHARDS)]
            if self._closed:
                return  # the cancellation was lost in the Redis client, on the way in
            self._broadcast = broadcast
            self._lived = True
            self._lost()  # what was said before we listened is in the log
            done, _ = await asyncio.wait(
                {*pumps, *_inner_tasks(broadcast)}, return_when=asyncio.FIRST_COMPLETED
            )
            raise ConnectionError(str(next(iter(done)).exception() or "the listener ended"))
        finally:
            self._broadcast = None
            await _within(LEAVE_SECONDS, stack.aclose())

    async def _listen(
        self, stack: AsyncExitStack, broadcast: Broadcast, shard: int
    ) -> asyncio.Task[None]:
        """Receive what is said on a shard until the stack ends."""
        subscriber = await stack.enter_async_context(broadcast.subscribe(f"darkstore:{shard}"))
        pump = asyncio.create_task(self._pump(subscriber), name=f"carrier-shard-{shard}")
        stack.callback(pump.cancel)
        return pump

    async def _pump(self, subscriber: "object") -> None:
        while True:
            event = await subscriber.get()  # type: ignore[attr-defined] # broadcaster exports no type
            self._receive(event.message)


async def _within(seconds: float, leaving: Coroutine[Any, Any, object]) -> None:
    """Let something end, for so long: each farewell to a server that is gone may take a while."""
    task = asyncio.ensure_future(leaving)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()


async def _disconnect(broadcast: Broadcast) -> None:
    """Close what is left of a broadcast whose server may be gone, or was never there.

    broadcaster's own way out stops half-way when its listener has died, so each part is ended here.
    """
    for close in (broadcast.disconnect, broadcast._backend.disconnect):
        with suppress(Exception):
            async with asyncio.timeout(CONNECT_SECONDS):
                await close()
    tasks = _inner_tasks(broadcast)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CONNECT_SECONDS)


def _inner_tasks(broadcast: Broadcast) -> set[asyncio.Task[None]]:
    """The tasks that broadcaster runs on and tells nobody about."""
    found = (
        getattr(broadcast, "_listener_task", None),
        getattr(broadcast._backend, "_listener", None),
    )
    return {task for task in found if isinstance(task, asyncio.Task)}
