"""The hub: one per process, from which every subscription of the process reads.

The event log in Postgres is the truth. A hint (stream, number, body) told after a commit is handed
to a listener directly when it is the very next one; on any doubt the listener reads the log.
A sweep compares every listened-to stream with its head: a lost hint costs a moment, no event.
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

from database.scope import PLATFORM
from database.sessions import Database, Hint
from database.statements import kept
from execution.running.shared import Shared
from models.events import Stream
from subscriptions.engine.access_monitor import Guard
from subscriptions.engine.broadcaster import Carrier, shard_of
from subscriptions.engine.conflation import Latest
from subscriptions.engine.event_log_reader import READ_ROWS, EventLog, Gone
from subscriptions.engine.fanout import Circles
from subscriptions.engine.listener import Listener
from subscriptions.engine.ref_counted import Commons

log = logging.getLogger("darkstore.streams")

SWEEP_SECONDS = 1.5
SWEEP_STREAMS = 1000
VALUES_A_MESSAGE = 100
RETRY_SECONDS = 0.5
MESSAGES_COUNT = 1000
MESSAGE_SECONDS = 1.0

HEADS = kept(
    select(Stream.stream, Stream.seq).where(
        Stream.stream == any_(bindparam("streams", type_=ARRAY(Text)))
    )
)

T = TypeVar("T")


class Hub:
    """Tells committed events to the listeners of this process and, by the carrier, of others."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._me = uuid4().hex[:12]
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._latest = Latest(self._send_values)
        self._carrier = Carrier(url, self._received, self._wake_all)
        self._sweeper: asyncio.Task[None] | None = None
        self._messages = Shared(MESSAGES_COUNT, MESSAGE_SECONDS)
        self._log = EventLog(database)
        self.circles = Circles(self)
        self.commons = Commons()
        self.guard = Guard()
        self.told_directly = 0

    async def start(self) -> None:
        await self._carrier.start()
        self._latest.start()
        self.guard.start()
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="hub-sweep")

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self.circles.close()
        await self.guard.close()
        await self._latest.close()
        await self._log.close()
        await self._carrier.close()

    @property
    def carried(self) -> bool:
        """Whether hints go to and come from other processes now."""
        return self._carrier.live

    @property
    def listeners(self) -> int:
        """How many places in streams are listened at now."""
        return sum(map(len, self._listeners.values()))

    async def announce(self, hints: Sequence[Hint]) -> None:
        """Tell committed events: here at once, elsewhere as soon as the carrier gets to it."""
        for hint in hints:
            self._tell(hint)
            self._send(
                hint.stream, "e", hint.stream, hint.seq, hint.type, hint.body, hint.at.isoformat()
            )

    async def tell(self, topic: str, value: dict[str, Any]) -> None:
        """Publish a lossy value to whoever listens, at most one of a topic in a second."""
        self._latest.tell(topic, value)

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` answers, once for all who ask by an equal key within a moment."""
        return await self._messages.once(key, make)

    def join(self, listener: Listener, topic: str | None = None) -> None:
        """Tell a listener of its streams, and of a lossy topic, from this moment on."""
        for stream in listener.after:
            self._listeners[stream].add(listener)
        if topic is not None:
            self._latest.join(topic, listener)

    def leave(self, listener: Listener, topic: str | None = None) -> None:
        """Tell it no more."""
        listener.close()
        for stream in listener.after:
            listeners = self._listeners[stream]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[stream]
        if topic is not None:
            self._latest.leave(topic, listener)

    async def missed(self, listener: Listener) -> Sequence[Hint]:
        """What one stream that the listener lags in holds beyond its place: a part of it, in order.

        The database may be away for a while. Raises Gone when the log was cut off there.
        """
        stream = min(listener.behind)
        while True:
            try:
                batch = await self._log.beyond(stream, listener.after[stream])
            except Gone:
                raise
            except Exception as error:
                log.warning("the log of %s can't be read, trying again: %r", stream, error)
                await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))
            else:
                if batch:
                    listener.after[stream] = batch[-1].seq
                if len(batch) < READ_ROWS:
                    listener.behind -= {stream}
                return batch

    async def events(self, stream: str, after: int) -> AsyncGenerator[Sequence[Hint], None]:
        """All events of `stream` beyond number `after`, in order, none twice, in small batches."""
        listener = Listener({stream: after})
        listener.lag(stream)
        self.join(listener)
        try:
            while True:
                await listener.wait()
                if batch := self.following(listener):
                    yield batch
                if listener.behind and (missed := await self.missed(listener)):
                    yield missed
        finally:
            self.leave(listener)

    def following(self, listener: Listener) -> list[Hint]:
        """What the listener was told directly and has not taken yet."""
        batch = listener.following()
        self.told_directly += len(batch)
        return batch

    def latest(self, topic: str) -> AsyncGenerator[dict[str, Any], None]:
        """The newest value told on a lossy topic, at most one a second."""
        return self._latest.watch(topic)

    @property
    def log_reads(self) -> int:
        """How many statements have read the log for those who lagged."""
        return self._log.reads

    def _send(self, name: str, *fact: Any) -> None:
        """Say a fact to the other processes; what can't be said is read from the log there."""
        try:
            self._carrier.send(name, orjson.dumps([self._me, *fact], default=str).decode())
        except (TypeError, ValueError):
            log.warning("a hint of %s can't be written down", name, exc_info=True)

    def _send_values(self, values: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Say passing values to the other processes, those of a shard in one message."""
        shards: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for topic, value in values:
            shards[shard_of(topic)].append((topic, value))
        for ours in shards.values():
            for start in range(0, len(ours), VALUES_A_MESSAGE):
                part = ours[start : start + VALUES_A_MESSAGE]
                self._send(part[0][0], "v", part)

    def _received(self, message: str) -> None:
        """Take what another process said; nonsense on the channel must not end the listening."""
        try:
            sender, kind, *rest = orjson.loads(message)
            if sender == self._me:
                return
            if kind == "e":
                stream, seq, named, body, at = rest
                self._tell(Hint(stream, seq, named, body, datetime.fromisoformat(at)))
            elif kind == "v":
                for topic, value in rest[0]:
                    self._latest.show(topic, value)
        except (TypeError, ValueError):
            log.warning("a message that is no hint was ignored: %.100r", message)

    def _tell(self, hint: Hint) -> None:
        for listener in self._listeners.get(hint.stream, ()):
            listener.told(hint)

    def _wake_all(self) -> None:
        for stream, listeners in self._listeners.items():
            for listener in listeners:
                listener.lag(stream)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.2))
            try:
                await self._sweep()
            except Exception as error:
                log.warning("streams could not be compared with the log: %r", error)

    async def _sweep(self) -> None:
        """Wake every listener that is behind the head of its stream."""
        names = list(self._listeners)
        for start in range(0, len(names), SWEEP_STREAMS):
            part = names[start : start + SWEEP_STREAMS]
            async with self._database.read(PLATFORM) as session:
                heads = (await session.execute(HEADS, {"streams": part})).all()
            for name, seq in heads:
                for listener in self._listeners.get(name, ()):
                    if listener.after[name] < seq:
                        listener.lag(name)
