"""Carries short messages between processes through broadcaster, and lives through its deaths.

broadcaster's listener ends for good when Redis restarts, and tells nobody. So its tasks are watched
here, and the whole broadcast is built anew, with back-off, when one of them ends.
Messages may be lost at any time: whoever needs them all reads the event log.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from zlib import crc32

from broadcaster import Broadcast

log = logging.getLogger("darkstore.streams")

SHARDS = 32
OUTBOX_MESSAGES = 10_000
PUBLISH_SECONDS = 0.25
CONNECT_SECONDS = 2.0
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
        self.restarts = 0
        self.dropped = 0

    async def start(self) -> None:
        """Start carrying; it does not wait for Redis to be there."""
        self._tasks = [
            asyncio.create_task(self._supervise(), name="carrier"),
            asyncio.create_task(self._send_all(), name="carrier-outbox"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, name: str, message: str) -> None:
        """Hand a message over; when the outbox is full it is dropped, which costs latency only."""
        try:
            self._outbox.put_nowait((shard_of(name), message))
        except asyncio.QueueFull:
            self.dropped += 1

    async def _send_all(self) -> None:
        while True:
            channel, message = await self._outbox.get()
            broadcast = self._broadcast
            if broadcast is None:
                self.dropped += 1
                continue
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await broadcast.publish(channel, message)
            except Exception:
                self.dropped += 1

    async def _supervise(self) -> None:
        pause = BACK_OFF_SECONDS
        while True:
            try:
                await self._carry()
            except Exception as error:
                log.warning("hints are interrupted, streams read the log instead: %r", error)
            lived = self._broadcast is not None
            self._broadcast = None
            self.restarts += 1
            self._lost()
            pause = BACK_OFF_SECONDS if lived else min(BACK_OFF_MOST_SECONDS, pause * 2)
            await asyncio.sleep(pause * random.uniform(1, 1.5))

    async def _carry(self) -> None:
        """Receive until a task of the broadcast ends; raises what ended it."""
        broadcast = Broadcast(self._url)
        pumps: list[asyncio.Task[None]] = []
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECT_SECONDS):
                await broadcast.connect()
                stack.push_async_callback(_disconnect, broadcast)
                for shard in range(SHARDS):
                    subscriber = await stack.enter_async_context(
                        broadcast.subscribe(f"darkstore:{shard}")
                    )
                    pumps.append(asyncio.create_task(self._pump(subscriber)))
            stack.callback(_cancel, pumps)
            self._broadcast = broadcast
            self._lost()  # what was said before we listened is in the log
            inner = getattr(broadcast._backend, "_listener", None)
            watched = [broadcast._listener_task, *pumps]
            if isinstance(inner, asyncio.Task):
                watched.append(inner)
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            raise ConnectionError(str(next(iter(done)).exception() or "the listener ended"))

    async def _pump(self, subscriber: "object") -> None:
        while True:
            event = await subscriber.get()  # type: ignore[attr-defined] # broadcaster exports no type
            self._receive(event.message)


async def _disconnect(broadcast: Broadcast) -> None:
    """Close what is left of a broadcast whose server may be gone."""
    with suppress(Exception):
        async with asyncio.timeout(CONNECT_SECONDS):
            await broadcast.disconnect()


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
