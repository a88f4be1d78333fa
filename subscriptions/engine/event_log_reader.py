"""Reads the events that subscribers have missed, for many of them by one statement.

After an outage every subscriber of a process lags at the same moment: reads within a few
milliseconds share a statement, and those from the same position of a stream share its rows. Nearly
all missed events are recent, so two days of the log are read first; where they don't continue a
position without a gap, the whole log is read.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Text

from database.announcer import EventNotice
from database.coalescer import Coalescer
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from services.events.partitions import timestamp_literal, yesterday

READ_ROWS = 500
MAX_POSITIONS = 32
"""In one statement."""
GATHER_SECONDS = 0.003
READ_SECONDS = 10.0

StreamPosition = tuple[str, int]
"""A stream and the number of the last event that is known of it."""
EventsByPosition = dict[StreamPosition, list[EventNotice]]
EVENTS_AFTER = """
    select known.stream, known.after, missed.seq, missed.type, missed.body, missed.at
    from unnest(:streams, :positions) as known (stream, after)
    join stream as head on head.stream = known.stream and head.seq > known.after
    left join lateral (
        select seq, type, body, at from event
        where event.stream = known.stream and event.seq > known.after {since}
        order by event.seq limit :rows
    ) as missed on true
    order by known.stream, known.after, missed.seq
"""


class EventsExpired(Exception):
    """The events after a position have left the log: the subscriber needs a snapshot."""


@lru_cache(maxsize=4)
def _events_after(since: date | None) -> TextClause:
    """The statement that reads on from many positions, in the whole log or from a day on."""
    bound = "" if since is None else f"and event.at >= {timestamp_literal(since)}"
    return prepared(
        text(EVENTS_AFTER.format(since=bound)).bindparams(
            bindparam("streams", type_=ARRAY(Text)),
            bindparam("positions", type_=ARRAY(BigInteger)),
            bindparam("rows", type_=BigInteger),
        )
    )


class EventLogReader:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events: Coalescer[StreamPosition, Sequence[EventNotice] | None] = Coalescer(
            self._read, max_keys=MAX_POSITIONS, gather_seconds=GATHER_SECONDS
        )
        self.reads = 0
        """How many statements have been run."""

    async def read_after(self, stream: str, after: int) -> Sequence[EventNotice]:
        """The next events of a stream after a number, in order, at most 500; [] at its end.

        Raises EventsExpired when the very next one has left the log.
        """
        events = await self._events.load((stream, after))
        if events is None:
            return []
        if not _continues(after, events):
            raise EventsExpired(stream)
        return events

    async def close(self) -> None:
        await self._events.close()

    async def _read(
        self, positions: Sequence[StreamPosition]
    ) -> list[Sequence[EventNotice] | None]:
        """The events after each position; None for the end of a stream."""
        async with asyncio.timeout(READ_SECONDS), self._database.read(PLATFORM) as session:
            events = await self._select(session, positions, yesterday())
            older = [one for one, after in events.items() if not _continues(one[1], after)]
            if older:
                events |= await self._select(session, older, None)
        return [events.get(position) for position in positions]

    async def _select(
        self, session: AsyncSession, positions: Sequence[StreamPosition], since: date | None
    ) -> EventsByPosition:
        streams, numbers = zip(*positions, strict=True)
        parameters = {"streams": list(streams), "positions": list(numbers), "rows": READ_ROWS}
        events: EventsByPosition = {}
        rows = await session.execute(_events_after(since), parameters)
        self.reads += 1
        for stream, after, seq, *event in rows:
            notices = events.setdefault((stream, after), [])
            if seq is not None:
                notices.append(EventNotice(stream, seq, *event))
        return events


def _continues(after: int, events: Sequence[EventNotice]) -> bool:
    """Whether events follow a number directly: numbers have no gaps, so a missing one is gone."""
    return bool(events) and events[0].seq == after + 1
