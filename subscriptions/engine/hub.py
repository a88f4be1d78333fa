"""The hub: one per process; every subscription of the process reads from it.

The event log in PostgreSQL is the source of truth. The notice of a committed event (stream, number,
body) is passed directly to a listener whose next event it is; in any other case the listener reads
the log. A periodic sweep compares every followed stream with its head, so that a lost notice delays
an event but never loses it.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

import orjson
from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from database.announcer import EventNotice
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from execution.runtime.single_flight import SingleFlightCache
from models.events import Stream
from resolvers.context import Context
from subscriptions.engine.access_monitor import AccessMonitor
from subscriptions.engine.broadcaster import Broadcaster, shard_of
from subscriptions.engine.conflation import TopicConflator, Value
from subscriptions.engine.event_log_reader import READ_ROWS, EventLogReader, EventsExpired
from subscriptions.engine.fanout import FanoutGroups
from subscriptions.engine.listener import Listener
from subscriptions.engine.shared_resources import SharedResources

log = logging.getLogger("darkstore.streams")

SWEEP_SECONDS = 1.5
SWEEP_BATCH_STREAMS = 1000
MAX_VALUES_PER_MESSAGE = 100
RETRY_SECONDS = 0.5
MAX_SHARED_MESSAGES = 1000
SHARED_MESSAGE_SECONDS = 1.0

HEADS = prepared(
    select(Stream.stream, Stream.seq).where(
        Stream.stream == any_(bindparam("streams", type_=ARRAY(Text)))
    )
)

T = TypeVar("T")


class Hub:
    """Delivers committed events to the listeners of this process and broadcasts them to others."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._process_id = uuid4().hex[:12]
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._conflator = TopicConflator(self._broadcast_values)
        self._broadcaster = Broadcaster(url, self._receive, self._mark_all_lagging)
        self._sweeper: asyncio.Task[None] | None = None
        self._messages = SingleFlightCache(MAX_SHARED_MESSAGES, SHARED_MESSAGE_SECONDS)
        self._log = EventLogReader(database)
        self.fanout_groups = FanoutGroups()
        self.shared_resources = SharedResources()
        self.access_monitor = AccessMonitor()
        self.direct_event_count = 0

    async def start(self) -> None:
        await self._broadcaster.start()
        self._conflator.start()
        self.access_monitor.start()
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="hub-sweep")

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self.fanout_groups.close()
        await self.access_monitor.close()
        await self._conflator.close()
        await self._log.close()
        await self._broadcaster.close()

    @property
    def connected(self) -> bool:
        """Whether notices are exchanged with other processes now."""
        return self._broadcaster.connected

    @property
    def listener_count(self) -> int:
        """How many streams are listened to, counted once per listener."""
        return sum(map(len, self._listeners.values()))

    async def publish_events(self, notices: Sequence[EventNotice]) -> None:
        """Deliver committed events: in this process now, to others by the broadcaster."""
        for notice in notices:
            self._deliver(notice)
            self._broadcast(
                notice.stream,
                "e",
                notice.stream,
                notice.seq,
                notice.type,
                notice.body,
                notice.at.isoformat(),
            )

    async def publish_value(self, topic: str, value: Value) -> None:
        """Publish a lossy value to the listeners of a topic, at most one per topic and second."""
        self._conflator.publish(topic, value)

    async def get_or_compute(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `make`, made once for equal keys within SHARED_MESSAGE_SECONDS."""
        return await self._messages.get_or_compute(key, make)

    def add_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Deliver the events of its streams, and of a lossy topic, from now on."""
        for stream in listener.last_seqs:
            self._listeners[stream].add(listener)
        if topic is not None:
            self._conflator.add_listener(topic, listener)

    def remove_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Stop the delivery."""
        listener.close()
        for stream in listener.last_seqs:
            listeners = self._listeners[stream]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[stream]
        if topic is not None:
            self._conflator.remove_listener(topic, listener)

    async def read_missed(self, listener: Listener) -> Sequence[EventNotice]:
        """Read the next batch of one lagging stream, in order.

        Retries while the database is unreachable; raises EventsExpired when the log no longer
        holds the next event.
        """
        stream = min(listener.lagging_streams)
        while True:
            try:
                batch = await self._log.read_after(stream, listener.last_seqs[stream])
            except EventsExpired:
                raise
            except Exception as error:
                log.warning("the log of %s can't be read, trying again: %r", stream, error)
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))
            else:
                if batch:
                    listener.last_seqs[stream] = batch[-1].seq
                if len(batch) < READ_ROWS:
                    listener.lagging_streams -= {stream}
                return batch

    async def events(self, stream: str, after: int) -> AsyncGenerator[Sequence[EventNotice], None]:
        """Yield all events of `stream` after number `after`, in order, each once, in batches."""
        listener = Listener({stream: after})
        listener.mark_lagging(stream)
        self.add_listener(listener)
        try:
            while True:
                await listener.wait()
                if batch := self.take_notices(listener):
                    yield batch
                if listener.lagging_streams and (missed := await self.read_missed(listener)):
                    yield missed
        finally:
            self.remove_listener(listener)

    def take_notices(self, listener: Listener) -> list[EventNotice]:
        """Take the notices that were delivered directly."""
        batch = listener.take_notices()
        self.direct_event_count += len(batch)
        return batch

    def values(self, topic: str) -> AsyncGenerator[Value, None]:
        """Yield the newest value of a lossy topic, at most one per second."""
        return self._conflator.values(topic)

    @property
    def log_read_count(self) -> int:
        """How many statements have read the log for lagging listeners."""
        return self._log.reads

    def _broadcast(self, name: str, *content: Any) -> None:
        """Send to the other processes; they read what can't be serialized from the log."""
        try:
            message = orjson.dumps([self._process_id, *content], default=str).decode()
            self._broadcaster.send(name, message)
        except (TypeError, ValueError):
            log.warning("a message about %s can't be serialized", name, exc_info=True)

    def _broadcast_values(self, values: Sequence[tuple[str, Value]]) -> None:
        """Send lossy values to the other processes, those of a shard in one message."""
        by_shard: defaultdict[str, list[tuple[str, Value]]] = defaultdict(list)
        for topic, value in values:
            by_shard[shard_of(topic)].append((topic, value))
        for shard_values in by_shard.values():
            for start in range(0, len(shard_values), MAX_VALUES_PER_MESSAGE):
                part = shard_values[start : start + MAX_VALUES_PER_MESSAGE]
                self._broadcast(part[0][0], "v", part)

    def _receive(self, message: str) -> None:
        """Process a message of another process; ignores malformed ones."""
        try:
            sender, kind, *content = orjson.loads(message)
            if sender == self._process_id:
                return
            if kind == "e":
                stream, seq, event_type, body, at = content
                notice = EventNotice(stream, seq, event_type, body, datetime.fromisoformat(at))
                self._deliver(notice)
            elif kind == "v":
                for topic, value in content[0]:
                    self._conflator.deliver(topic, value)
        except (TypeError, ValueError):
            log.warning("a malformed message was ignored: %.100r", message)

    def _deliver(self, notice: EventNotice) -> None:
        for listener in self._listeners.get(notice.stream, ()):
            listener.receive_notice(notice)

    def _mark_all_lagging(self) -> None:
        for stream, listeners in self._listeners.items():
            for listener in listeners:
                listener.mark_lagging(stream)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.2))
            try:
                await self._sweep()
            except Exception as error:
                log.warning("streams could not be compared with the log: %r", error)

    async def _sweep(self) -> None:
        """Mark every listener lagging that is behind the head of its stream."""
        streams = list(self._listeners)
        for start in range(0, len(streams), SWEEP_BATCH_STREAMS):
            part = streams[start : start + SWEEP_BATCH_STREAMS]
            async with self._database.read(PLATFORM) as session:
                heads = (await session.execute(HEADS, {"streams": part})).all()
            for stream, seq in heads:
                for listener in self._listeners.get(stream, ()):
                    if listener.last_seqs[stream] < seq:
                        listener.mark_lagging(stream)


def hub_of(context: Context) -> Hub:
    """Return the hub of the process; raises RuntimeError in a process without one."""
    streams = context.container.streams
    if not isinstance(streams, Hub):
        raise RuntimeError("subscriptions need a process with a stream hub")
    return streams
