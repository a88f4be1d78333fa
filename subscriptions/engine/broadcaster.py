"""Sends short messages between processes through Redis and reconnects after failures.

The listener task of the `broadcaster` library ends without an error when Redis restarts. Its tasks
are therefore monitored here; when one ends, the connection is rebuilt with back-off.
Messages may be lost at any time: a reader that needs all of them reads the event log.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import uuid4
from zlib import crc32

from broadcaster import Broadcast

log = logging.getLogger("darkstore.streams")

SHARD_COUNT = 32
MAX_OUTBOX_MESSAGES = 10_000
PUBLISH_TIMEOUT_SECONDS = 0.25
CONNECT_TIMEOUT_SECONDS = 2.0
CLOSE_TIMEOUT_SECONDS = 5.0
PROBE_EVERY_SECONDS = 3.0
PROBE_TIMEOUT_SECONDS = 3.0
MIN_BACK_OFF_SECONDS = 0.1
MAX_BACK_OFF_SECONDS = 2.0

OnMessage = Callable[[str], None]
OnLoss = Callable[[], None]


def shard_of(name: str) -> str:
    """Return the Redis channel that carries the messages of a stream or topic."""
    return f"darkstore:{crc32(name.encode()) % SHARD_COUNT}"


class Broadcaster:
    """Publishes to and receives from every shard; calls `on_loss` when messages may be lost."""

    def __init__(self, url: str, on_message: OnMessage, on_loss: OnLoss) -> None:
        self._url = url
        self._on_message = on_message
        self._on_loss = on_loss
        self._outbox: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MAX_OUTBOX_MESSAGES)
        self._broadcast: Broadcast | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self._publish_failing = False
        self._was_connected = False
        self.restart_count = 0
        self.dropped_count = 0

    async def start(self) -> None:
        """Start the tasks; does not wait for the connection to Redis."""
        self._tasks = [
            asyncio.create_task(self._supervise(), name="broadcaster"),
            asyncio.create_task(self._send_all(), name="broadcaster-outbox"),
        ]

    async def close(self) -> None:
        """Stop the tasks and disconnect."""
        # A cancellation that meets a timeout inside the Redis client surfaces as an ordinary
        # error, so the loops check this flag as well.
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_SECONDS)

    @property
    def connected(self) -> bool:
        """Whether it is connected and listening."""
        return self._broadcast is not None

    def send(self, name: str, message: str) -> None:
        """Queue a message; a full outbox drops it, which only costs latency."""
        try:
            self._outbox.put_nowait((shard_of(name), message))
        except asyncio.QueueFull:
            self.dropped_count += 1

    async def _send_all(self) -> None:
        while not self._closed:
            channel, message = await self._outbox.get()
            broadcast = self._broadcast
            if broadcast is None:
                self.dropped_count += 1
                continue
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await broadcast.publish(channel, message)
                self._publish_failing = False
            except Exception as error:
                self._drop_outbox(error)

    def _drop_outbox(self, error: Exception) -> None:
        """Drop all queued messages: after an outage they would only delay newer ones."""
        self.dropped_count += 1
        while not self._outbox.empty():
            self._outbox.get_nowait()
            self.dropped_count += 1
        if not self._publish_failing:
            self._publish_failing = True
            log.warning("event notices can't be sent, streams read the log instead: %r", error)

    async def _supervise(self) -> None:
        pause = MIN_BACK_OFF_SECONDS
        while not self._closed:
            self._was_connected = False
            try:
                await self._run()
            except Exception as error:
                if self._was_connected or not self.restart_count:
                    log.warning(
                        "event notices are interrupted, streams read the log instead: %r", error
                    )
            self.restart_count += 1
            self._on_loss()
            doubled = min(MAX_BACK_OFF_SECONDS, pause * 2)
            pause = MIN_BACK_OFF_SECONDS if self._was_connected else doubled
            await asyncio.sleep(pause * random.uniform(1, 1.5))

    async def _run(self) -> None:
        """Receive until a task of the broadcast ends; raises the error that ended it."""
        broadcast = Broadcast(self._url)
        stack = AsyncExitStack()
        stack.push_async_callback(_disconnect, broadcast)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await broadcast.connect()
                receivers = [
                    await self._subscribe(stack, broadcast, shard) for shard in range(SHARD_COUNT)
                ]
                receivers.append(await self._start_probe(stack, broadcast))
            if self._closed:
                return  # the Redis client swallowed the cancellation while connecting
            self._broadcast = broadcast
            self._was_connected = True
            self._on_loss()  # messages published before the subscription are only in the log
            done, _ = await asyncio.wait(
                {*receivers, *_inner_tasks(broadcast)}, return_when=asyncio.FIRST_COMPLETED
            )
            raise ConnectionError(str(next(iter(done)).exception() or "the listener ended"))
        finally:
            self._broadcast = None
            await _run_within(CLOSE_TIMEOUT_SECONDS, stack.aclose())

    async def _subscribe(
        self, stack: AsyncExitStack, broadcast: Broadcast, shard: int
    ) -> asyncio.Task[None]:
        """Receive the messages of a shard until the stack is closed."""
        subscriber = await stack.enter_async_context(broadcast.subscribe(f"darkstore:{shard}"))
        receiver = asyncio.create_task(self._receive(subscriber), name=f"broadcaster-shard-{shard}")
        stack.callback(receiver.cancel)
        return receiver

    async def _start_probe(self, stack: AsyncExitStack, broadcast: Broadcast) -> asyncio.Task[None]:
        """Probe the subscription, on a channel of this process, until the stack is closed."""
        channel = f"darkstore:probe:{uuid4().hex}"
        subscriber = await stack.enter_async_context(broadcast.subscribe(channel))
        probe = asyncio.create_task(
            _probe(broadcast, channel, subscriber), name="broadcaster-probe"
        )
        stack.callback(probe.cancel)
        return probe

    async def _receive(self, subscriber: "object") -> None:
        while True:
            event = await subscriber.get()  # type: ignore[attr-defined] # broadcaster exports no type
            self._on_message(event.message)


async def _probe(broadcast: Broadcast, channel: str, subscriber: "object") -> None:
    """Send a message to the process itself now and then; raises TimeoutError if it is lost."""
    while True:
        await asyncio.sleep(PROBE_EVERY_SECONDS)
        sent = uuid4().hex
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            await broadcast.publish(channel, sent)
            while (await subscriber.get()).message != sent:  # type: ignore[attr-defined] # as above
                pass


async def _run_within(seconds: float, closing: Coroutine[Any, Any, object]) -> None:
    """Await a coroutine for a limited time: closing a connection to a dead server may hang.

    Its error is of a connection that is given up.
    """
    task = asyncio.gather(closing, return_exceptions=True)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()


async def _disconnect(broadcast: Broadcast) -> None:
    """Release the resources of a broadcast whose server may be unreachable.

    `Broadcast.disconnect` stops half-way when its listener has ended, so each part is closed here.
    """
    for close in (broadcast.disconnect, broadcast._backend.disconnect):
        with suppress(Exception):
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await close()
    tasks = _inner_tasks(broadcast)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CONNECT_TIMEOUT_SECONDS)


def _inner_tasks(broadcast: Broadcast) -> set[asyncio.Task[None]]:
    """Return the tasks that broadcaster runs on and does not expose."""
    tasks = (
        getattr(broadcast, "_listener_task", None),
        getattr(broadcast._backend, "_listener", None),
    )
    return {task for task in tasks if isinstance(task, asyncio.Task)}
