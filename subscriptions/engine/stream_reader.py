"""A course through streams: places that move on, and the steps they move by."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from database.sessions import Hint
from models.events import MessageKind
from services.core import cursors
from subscriptions.engine.listener import Listener


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to tell: a snapshot, an event (with its hint), or a lossy value."""

    kind: MessageKind
    cursor: str
    hint: Hint | None = None
    value: dict[str, Any] | None = None


class Source(Protocol):
    """Whoever tells listeners of events: the hub, or somebody who has worked on them before."""

    def join(self, listener: Listener, topic: str | None = None) -> None:
        """Tell a listener of its streams, and of a lossy topic, from this moment on."""

    def leave(self, listener: Listener, topic: str | None = None) -> None:
        """Tell it no more."""

    def following(self, listener: Listener) -> Sequence[Hint]:
        """What the listener was told directly and has not taken yet."""

    async def missed(self, listener: Listener) -> Sequence[Hint]:
        """What one stream that the listener lags in holds beyond its place, or a part of it."""


class Course:
    """Joins the source when it is opened; `ready` are the steps that wait to be taken."""

    __slots__ = ("_listener", "places", "ready", "source", "streams", "topic")

    def __init__(self, source: Source, streams: Sequence[str], topic: str | None) -> None:
        self.source = source
        self.topic = topic
        self.streams = tuple(streams)
        self.places: dict[str, cursors.Place] = {}
        self.ready: deque[Step] = deque()
        # It is told from this moment on: what happens before its places are known is not missed.
        self._listener = Listener(dict.fromkeys(self.streams, -1))
        source.join(self._listener, topic)

    def set_out(self, places: dict[str, cursors.Place], *, lagging: bool) -> None:
        """Begin at these places; when lagging, by reading the log."""
        self.places = places
        self._listener.after.update((name, place.seq) for name, place in places.items())
        if lagging:
            self._listener.lag(*self.streams)

    def close(self) -> None:
        """Leave the source."""
        self.source.leave(self._listener, self.topic)

    @property
    def still(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self.ready and self._listener.still

    @property
    def lagging(self) -> bool:
        """Whether the log has to be read to go on."""
        return bool(self._listener.behind)

    @property
    def free(self) -> bool:
        """Whether somebody else may go on from its places: events are told again, and no fault or
        passing value waits, which is not."""
        return self._listener.fault is None and self._listener.value is None

    def fail(self, fault: Exception) -> None:
        """Have the next `fill` raise this."""
        self._listener.fail(fault)

    def wake(self) -> None:
        """Have `fill` return, with nothing if there is nothing."""
        self._listener.wake()

    async def fill(self) -> bool:
        """Wait for something to tell; True when events came, after which rows may have changed."""
        listener = self._listener
        await listener.wait()
        hints: Sequence[Hint] = self.source.following(listener)
        if not hints and listener.behind:
            hints = await self.source.missed(listener)
        self.ready.extend(self._event(hint) for hint in hints)
        if (value := listener.passing()) is not None:
            at = cursors.encode(self.places)
            self.ready.append(Step(MessageKind.POSITION, at, value=value))
        return bool(hints)

    def _event(self, hint: Hint) -> Step:
        self.places[hint.stream] = cursors.place_of(hint.seq, hint.at)
        return Step(MessageKind.EVENT, cursors.encode(self.places), hint)
