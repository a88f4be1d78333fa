"""When a store is open: its weekly hours, whether it is open, and time that counts only then.

An interval of the week is open from the moment at which the clock of the store (`store_time`)
reaches `opens` until it reaches `closes`. So a store that closes at 01:30 does not open again when
the clocks are put back to 01:00, and one that opens at a time that is left out opens at the end of
the gap. Intervals of a week do not overlap, and neither do those of any night.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Time,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.stores import Store, StoreHours, Weekday
from services.core.problems import DomainError, InvalidInput, Problem
from services.stores.administration import lock_managed_store
from services.stores.store_time import (
    DAY,
    STATEMENT_TIME,
    first_instant,
    local_time,
    since_midnight,
    time_zone,
)

MAX_WEEKLY_INTERVALS = 28
MAX_DAYS_AHEAD = 14
WEEK = timedelta(days=7)
TIME_FORM = "%H:%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHoursOverlap(Problem):
    """An interval overlaps another one of the week, which begins on `weekday` at `opens`."""

    weekday: Weekday
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class OpeningInterval:
    """Opening hours on a weekday (0 = Monday); `closes` at or before `opens` is on the next day."""

    weekday: int
    opens: time
    closes: time

    @property
    def starts(self) -> timedelta:
        """The time from the beginning of the week on the clock."""
        return timedelta(days=self.weekday) + since_midnight(self.opens)

    @property
    def length(self) -> timedelta:
        """How long it is on the clock: more than nothing, at most a day."""
        length = (since_midnight(self.closes) - since_midnight(self.opens)) % DAY
        return length or DAY

    def overlaps(self, other: "OpeningInterval") -> bool:
        """Whether both are open at some time of a week, which begins again after its end."""
        return (
            (other.starts - self.starts) % WEEK < self.length
            or (self.starts - other.starts) % WEEK < other.length
        )  # fmt: skip

    def __str__(self) -> str:
        day = list(Weekday)[self.weekday].title()
        return f"{day} {self.opens:{TIME_FORM}} to {self.closes:{TIME_FORM}}"


async def set_hours(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    hours: Sequence[OpeningInterval],
    expected_version: int | None = None,
) -> Store:
    """Replace a store's opening hours; without any it never opens. For its managers.

    The same hours again keep the version. Raises DomainError: NotFound, VersionConflict,
    InvalidInput, OpeningHoursOverlap.
    """
    if len(hours) > MAX_WEEKLY_INTERVALS:
        message = f"A week has at most {MAX_WEEKLY_INTERVALS} opening intervals."
        raise DomainError(InvalidInput(path=["input", "openingHours"], message=message))
    if problems := [*_overlap_problems(hours)]:
        raise DomainError(*problems)
    row = await lock_managed_store(session, actor, store_id, expected_version)
    [stored] = await read_hours(session, [store_id])
    if {OpeningInterval(one.weekday, one.opens, one.closes) for one in stored} == {*hours}:
        return row
    for one in stored:
        await session.delete(one)
    await session.flush()
    session.add_all(
        StoreHours(
            store_id=store_id,
            company_id=row.company_id,
            weekday=interval.weekday,
            opens=interval.opens,
            closes=interval.closes,
        )
        for interval in hours
    )
    row.version += 1
    await session.flush()
    return row


def _overlap_problems(hours: Sequence[OpeningInterval]) -> Iterator[Problem]:
    """A problem for each interval that overlaps one before it in the list."""
    for index, interval in enumerate(hours):
        other = next((one for one in hours[:index] if one.overlaps(interval)), None)
        if other is not None:
            yield OpeningHoursOverlap(
                path=["input", "openingHours", str(index)],
                message=f"{interval} overlaps {other}.",
                weekday=list(Weekday)[other.weekday],
                opens=other.opens,
                closes=other.closes,
            )


async def read_hours(session: AsyncSession, store_ids: Sequence[UUID]) -> list[list[StoreHours]]:
    """Return each store's opening intervals in the order of the week, Monday first."""
    by_store: dict[UUID, list[StoreHours]] = {store_id: [] for store_id in store_ids}
    rows = await session.scalars(
        select(StoreHours)
        .where(StoreHours.store_id.in_(store_ids))
        .order_by(StoreHours.store_id, StoreHours.weekday, StoreHours.opens)
    )
    for row in rows:
        by_store[row.store_id].append(row)
    return [by_store[store_id] for store_id in store_ids]


async def after_open_seconds(
    session: AsyncSession, store: Store, now: datetime, seconds: float
) -> datetime:
    """The time at which the store will have been open for so many seconds from now on.

    The end of the plain time when the store has no hours for two weeks.
    """
    (hours,) = await read_hours(session, [store.id])
    return add_open_seconds(hours, store, now, seconds)


def add_open_seconds(
    hours: Sequence[StoreHours], store: Store, now: datetime, seconds: float
) -> datetime:
    """As `after_open_seconds`, for the given hours of a week."""
    left = timedelta(seconds=seconds)
    # An interval that begins on a date that is left out ends a day later.
    first_day = local_time(store, now).date() - 2 * DAY
    days = MAX_DAYS_AHEAD + 2
    for opens, closes in intervals(hours, time_zone(store.timezone), first_day, days):
        begin = max(now, opens)
        if closes <= begin:
            continue
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
    return now + timedelta(seconds=seconds)


def intervals(
    hours: Sequence[StoreHours], zone: ZoneInfo, first_day: date, days: int
) -> Iterator[tuple[datetime, datetime]]:
    """When a store opens and closes (UTC), for the hours that begin on so many days, in order.

    What falls into a gap of the clock entirely is left out.
    """
    for day in (first_day + timedelta(days=ahead) for ahead in range(days)):
        of_day = [row for row in hours if row.weekday == day.weekday()]
        for row in sorted(of_day, key=lambda row: row.opens):
            last_day = day + timedelta(days=row.closes <= row.opens)
            opens = first_instant(zone, datetime.combine(day, row.opens))
            closes = first_instant(zone, datetime.combine(last_day, row.closes))
            if opens < closes:
                yield opens, closes


def is_open_at(
    at: ColumnElement[datetime] = STATEMENT_TIME, *tables: FromClause
) -> ColumnElement[bool]:
    """Build the condition that a row of Store is within its opening hours.

    `at` is not volatile, and may name columns of the `tables` of the statement.
    """
    # Computed once for each store, not for each of its hours.
    clock = select(func.store_clock(Store.timezone, at, type_=DateTime).label("shown"))
    row = clock.correlate(Store, *tables).offset(0).lateral("clock")
    today = cast(func.extract("isodow", row.c.shown), Integer) - 1
    now = cast(row.c.shown, Time)
    overnight = StoreHours.closes <= StoreHours.opens
    since_today = and_(
        StoreHours.weekday == today,
        StoreHours.opens <= now,
        or_(overnight, now < StoreHours.closes),
    )
    since_yesterday = and_(
        StoreHours.weekday == (today + 6) % 7, overnight, now < StoreHours.closes
    )
    of_store = select(literal(1)).select_from(row).join(StoreHours, true())
    within = of_store.where(StoreHours.store_id == Store.id, or_(since_today, since_yesterday))
    return within.correlate(Store, *tables).exists()
