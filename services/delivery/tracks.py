"""The ways that riders took: gathered in memory, appended to a ride's row every few seconds.

A track is for looking back at a ride, so a crash may lose what was not yet appended: ten seconds of
it. Points within five metres of the last one are left out until half a minute has passed.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Integer, LargeBinary, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from database.statements import kept
from models.delivery import LINE_BYTES, DeliveryTrack
from services.core.problems import InvalidInput, Refused
from services.routing.distances import distance_m
from services.routing.track_codec import Seen, decode, encode, simplified
from services.routing.track_codec import length_m as way_length_m
from services.routing.track_codec import polyline as encoded_polyline

log = logging.getLogger("darkstore.track")

FLUSH_SECONDS = 10.0
RIDES_A_STATEMENT = 500
POINTS_HELD = 200_000
FAILURES_MOST = 6
NEAR_M = 5.0
STILL_SECONDS = 30.0
IDLE_SECONDS = 600.0
KEEP_DAYS = 30
FORGET_ROWS = 1_000
LINE_POINTS = 500
TOLERANCE_LEAST_M = 1.0
TOLERANCE_MOST_M = 1_000.0
ORIGIN = Origin("track")

# Rows are written in the order of their keys, so two processes can't wait for each other.
_APPEND = kept(
    text(
        """
    insert into delivery_track (delivery_id, company_id, line, points, first_at, last_at)
    select one.* from unnest(:rides, :companies, :lines, :points, :firsts, :lasts)
        as one (ride, company, line, points, first_at, last_at)
    order by one.ride
    on conflict (delivery_id) do update set
        line = delivery_track.line || excluded.line,
        points = delivery_track.points + excluded.points,
        first_at = least(delivery_track.first_at, excluded.first_at),
        last_at = greatest(delivery_track.last_at, excluded.last_at)
    where octet_length(delivery_track.line) + octet_length(excluded.line) <= :most
    """
    ).bindparams(
        *(bindparam(name, type_=ARRAY(Uuid)) for name in ("rides", "companies")),
        bindparam("lines", type_=ARRAY(LargeBinary)),
        bindparam("points", type_=ARRAY(Integer)),
        *(bindparam(name, type_=ARRAY(DateTime(timezone=True))) for name in ("firsts", "lasts")),
    )
)
_FORGET = text(
    """
    delete from delivery_track where delivery_id in (
        select delivery_id from delivery_track
        where last_at < clock_timestamp() - make_interval(days => :days)
        order by last_at limit :rows for update skip locked
    )
    """
)


@dataclass(slots=True)
class Way:
    """What is known here of one ride: its last kept point, and those that wait."""

    company_id: UUID
    last: Seen | None = None
    waiting: list[Seen] = field(default_factory=list)
    failures: int = 0


class Tracks:
    """The tracks that one process writes. Start it in a running loop, close it at the end."""

    def __init__(self, database: Database, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._database = database
        self._flush_seconds = flush_seconds
        self._ways: dict[UUID, Way] = {}
        self._task: asyncio.Task[None] | None = None
        self.held = 0
        self.dropped = 0
        """Points that found no room, or that could not be written for a minute."""

    def start(self) -> None:
        """Begin to append what is added."""
        if self._task is None:
            self._task = asyncio.create_task(self._forever(), name="tracks")

    async def close(self) -> None:
        """Append what waits, then stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.flush()

    def add(self, delivery_id: UUID, company_id: UUID, points: Sequence[Seen]) -> None:
        """Take in points of a ride, the earliest first; those that say nothing are left out."""
        way = self._ways.get(delivery_id)
        if way is None:
            way = self._ways[delivery_id] = Way(company_id)
        for point in points:
            if not _tells(way.last, point):
                continue
            if self.held >= POINTS_HELD:
                self.dropped += 1
                continue
            way.last = point
            way.waiting.append(point)
            self.held += 1

    async def flush(self) -> None:
        """Append all that waits; what can't be written waits on, for FAILURES_MOST flushes."""
        full = sorted(
            ((key, way) for key, way in self._ways.items() if way.waiting), key=lambda one: one[0]
        )
        for start in range(0, len(full), RIDES_A_STATEMENT):
            part = [(key, way, way.waiting) for key, way in full[start : start + RIDES_A_STATEMENT]]
            for _, way, points in part:
                way.waiting = []
                self.held -= len(points)
            try:
                async with self._database.write(PLATFORM, ORIGIN) as session:
                    await append(session, [(key, way.company_id, had) for key, way, had in part])
            except Exception:
                log.warning("the tracks of %d rides wait on", len(part), exc_info=True)
                self._put_back(part)
            else:
                for _, way, _ in part:
                    way.failures = 0

    def _put_back(self, part: Sequence[tuple[UUID, Way, list[Seen]]]) -> None:
        for _, way, points in part:
            way.failures += 1
            if way.failures > FAILURES_MOST:
                way.failures = 0
                self.dropped += len(points)
            else:
                way.waiting[:0] = points
                self.held += len(points)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(self._flush_seconds)
            await self.flush()
            self._forget_the_idle()

    def _forget_the_idle(self) -> None:
        """Let go of rides of which nothing comes any more."""
        newest = max((way.last.at for way in self._ways.values() if way.last), default=None)
        if newest is None:
            return
        since = newest - timedelta(seconds=IDLE_SECONDS)
        idle = [
            key
            for key, way in self._ways.items()
            if not way.waiting and (way.last is None or way.last.at < since)
        ]
        for key in idle:
            del self._ways[key]


async def append(session: AsyncSession, ways: Sequence[tuple[UUID, UUID, Sequence[Seen]]]) -> None:
    """Append to each ride (its key, its company's) its points; a line that is full stays so."""
    given: dict[str, Any] = {
        "rides": [ride for ride, _, _ in ways],
        "companies": [company for _, company, _ in ways],
        "lines": [encode(points) for _, _, points in ways],
        "points": [len(points) for _, _, points in ways],
        "firsts": [points[0].at for _, _, points in ways],
        "lasts": [points[-1].at for _, _, points in ways],
        "most": LINE_BYTES,
    }
    await session.execute(_APPEND, given)


async def forget(session: AsyncSession) -> int:
    """Delete tracks of rides that ended KEEP_DAYS ago, at most 1,000; answers how many."""
    done: Any = await session.execute(_FORGET, {"days": KEEP_DAYS, "rows": FORGET_ROWS})
    return int(done.rowcount)


def polyline(track: DeliveryTrack, tolerance_m: float) -> str:
    """The way within so many metres as an encoded polyline of at most LINE_POINTS points.

    Refused: InvalidInput.
    """
    if not TOLERANCE_LEAST_M <= tolerance_m <= TOLERANCE_MOST_M:
        said = f"A tolerance is from {TOLERANCE_LEAST_M:g} to {TOLERANCE_MOST_M:g} metres."
        raise Refused(InvalidInput(path=["toleranceM"], message=said))
    places = [one.place for one in decode(track.line)]
    drawn = simplified(places, tolerance_m)
    while len(drawn) > LINE_POINTS:
        tolerance_m *= 2
        drawn = simplified(drawn, tolerance_m)
    return encoded_polyline(drawn)


def length_m(track: DeliveryTrack) -> int:
    """Metres along the points that are known."""
    return round(way_length_m(decode(track.line)))


def _tells(last: Seen | None, point: Seen) -> bool:
    """Whether a point adds something to a way that came to `last`."""
    if last is None:
        return True
    if (point.at - last.at).total_seconds() >= STILL_SECONDS:
        return True
    return distance_m(last.place, point.place) >= NEAR_M
