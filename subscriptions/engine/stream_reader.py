"""Reads streams from their positions onwards and turns events into stream items."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from database.announcer import EventNotice
from models.events import StreamMessageKind
from services.core import cursors
from subscriptions.engine.listener import Listener


@dataclass(frozen=True, slots=True)
class StreamItem:
    """One item of a stream: a snapshot, an event (with its notice) or a lossy value."""

    kind: StreamMessageKind
    cursor: str
    notice: EventNotice | None = None
    value: dict[str, Any] | None = None


class EventSource(Protocol):
    """Delivers events to listeners: the hub, or a component that transforms the hub's events."""

    def add_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Deliver the events of its streams, and of a lossy topic, from now on."""

    def remove_listener(self, listener: Listener, topic: str | None = None) -> None:
        """Stop the delivery."""

    def take_notices(self, listener: Listener) -> Sequence[EventNotice]:
        """Take the notices that were delivered directly."""

    async def read_missed(self, listener: Listener) -> Sequence[EventNotice]:
        """Read a batch of the events that the listener missed in one lagging stream."""


class EventStreamReader:
    """Reads streams in order; items wait in `ready` until they are taken."""

    __slots__ = ("_listener", "positions", "ready", "source", "streams", "topic")

    def __init__(self, source: EventSource, streams: Sequence[str], topic: str | None) -> None:
        self.source = source
        self.topic = topic
        self.streams = tuple(streams)
        self.positions: dict[str, cursors.StreamPosition] = {}
        self.ready: deque[StreamItem] = deque()
        # Listens before the positions are known, so that events in between are not missed.
        self._listener = Listener(dict.fromkeys(self.streams, -1))
        source.add_listener(self._listener, topic)

    def start_at(self, positions: dict[str, cursors.StreamPosition], *, lagging: bool) -> None:
        """Start at these positions; `lagging` makes it read the log first."""
        self.positions = positions
        self._listener.last_seqs.update((name, at.seq) for name, at in positions.items())
        if lagging:
            self._listener.mark_lagging(*self.streams)

    def close(self) -> None:
        """Stop listening to the source."""
        self.source.remove_listener(self._listener, self.topic)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self.ready and self._listener.idle

    @property
    def lagging(self) -> bool:
        """Whether the log has to be read to continue."""
        return bool(self._listener.lagging_streams)

    @property
    def transferable(self) -> bool:
        """Whether another reader can continue from the positions.

        Events are delivered again, but a pending error or lossy value would be lost.
        """
        return self._listener.error is None and self._listener.value is None

    def fail(self, error: Exception) -> None:
        """Make the next `fetch` raise this error."""
        self._listener.fail(error)

    async def fetch(self) -> bool:
        """Wait for items; returns True when events came, after which rows may have changed."""
        listener = self._listener
        await listener.wait()
        notices: Sequence[EventNotice] = self.source.take_notices(listener)
        if not notices and listener.lagging_streams:
            notices = await self.source.read_missed(listener)
        self.ready.extend(self._event_item(notice) for notice in notices)
        if (value := listener.take_value()) is not None:
            cursor = cursors.encode_cursor(self.positions)
            self.ready.append(StreamItem(StreamMessageKind.POSITION, cursor, value=value))
        return bool(notices)

    def _event_item(self, notice: EventNotice) -> StreamItem:
        self.positions[notice.stream] = cursors.position_after(notice.seq, notice.at)
        return StreamItem(StreamMessageKind.EVENT, cursors.encode_cursor(self.positions), notice)
