"""Passes the events that this process has committed on to its listeners."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

log = logging.getLogger("darkstore.database")


@dataclass(frozen=True, slots=True)
class EventNotice:
    """A notice of a committed event; it can get lost, the log in PostgreSQL is the truth."""

    stream: str
    seq: int
    type: str
    body: dict[str, Any]
    at: datetime
    event_count: int = 1
    """How many events it stands for: the one numbered `seq` and those just before it."""


EventListener = Callable[[Sequence[EventNotice]], Awaitable[None]]


class Announcer:
    """The listeners of a database's commits; without one, notices go nowhere.

    Each listener is called after every commit that recorded events, with all of them in the order
    in which they were recorded. Whoever committed waits for it, so a listener returns at once. An
    exception is logged: it costs latency, never the write, which has been committed.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[EventListener, ...] = ()

    def subscribe(self, listener: EventListener) -> None:
        """Call `listener` from the next commit on, after those that have subscribed before."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: EventListener) -> None:
        """Stop calling a listener; does nothing if it has not subscribed."""
        self._listeners = tuple(one for one in self._listeners if one != listener)

    async def announce(self, notices: Sequence[EventNotice]) -> None:
        """Pass notices of committed events to every listener."""
        for listener in self._listeners:
            try:
                await listener(notices)
            except Exception:
                log.warning("events committed but not announced", exc_info=True)
