"""What time it is in a store: its clock, its calendar date and its business day.

The clock of a store never goes back. Where the clocks are put back and an hour happens twice, it
stands still until the clock on the wall has caught up; where they are put forward, it jumps with
them. So a time of day comes once on each date: at the moment at which the wall first shows it, or
at the end of the gap that leaves it out. The database has the same clock in the functions
`store_clock` and `business_day`, and `tests/services/stores/test_store_time.py` compares the two.

A business day begins at the store's `business_day_start`: sales after midnight and before it
belong to the day before. A change of it or of the time zone holds from the next business day on:
the current one is kept until it would have ended, and no day comes a second time. A change by
which the day after it would last over 48 hours or be left out is refused. What a store
does is counted by business days: sales, reports, forecasts and daily jobs. What is written on a
product or a document is a calendar date: last days of sale, dates of birth, days on which a
supplier delivers. Last days of sale have a date that a change of the time zone does not put back.
"""

import logging
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, Date, DateTime, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.stores import Store
from services.core.problems import not_found

log = logging.getLogger("darkstore.stores")
MIDNIGHT = time(0)
DAY = timedelta(days=1)
SHORTEST_DAY, LONGEST_DAY = timedelta(hours=1), 2 * DAY
SECOND = timedelta(seconds=1)
STATEMENT_TIME = func.statement_timestamp(type_=DateTime(timezone=True))
"""Fixed within a statement, so that the functions of the database can be inlined."""

CALENDAR_DATE_SQL = "greatest(store_clock(store.timezone, now())::date, store.date_kept)"
"""Today's date of a row `store`, in text of a statement; it never goes back."""
REGULAR_DAY_SQL = "business_day(store.timezone, store.business_day_start, now())"
"""The current regular day of a row `store`, in text of a statement."""


@lru_cache
def time_zone(name: str) -> ZoneInfo:
    """The time zone of this name; UTC, with a warning, for one that this machine doesn't know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("unknown time zone %r: UTC is used", name)
        return ZoneInfo("UTC")


def local_time(store: Store, at: datetime) -> datetime:
    """What the clock on the store's wall shows at a time."""
    return zone_time(store.timezone, at)


def zone_time(name: str, at: datetime) -> datetime:
    """What a clock in the time zone of this name shows at a time."""
    return at.astimezone(time_zone(name))


def calendar_date(store: Store, at: datetime) -> date:
    """The date in the store's time zone at a time, with which dates of birth are compared."""
    return _day(time_zone(store.timezone), MIDNIGHT, at)


def sale_date(store: Store, at: datetime) -> date:
    """The same for last days of sale: the date of the newest change of the zone, or a later one."""
    today = calendar_date(store, at)
    return today if store.date_kept is None else max(today, store.date_kept)


def business_day(store: Store, at: datetime) -> date:
    """The business day of the store at a time that is not before its newest change of days."""
    if store.day_kept is None or store.day_kept_until is None:
        return regular_day(store, at)
    if at < store.day_kept_until:
        return store.day_kept
    return max(regular_day(store, at), store.day_kept + DAY)


def regular_day(store: Store, at: datetime) -> date:
    """The business day at a time as if the store had always had its present beginning of days.

    For figures of many days, which are compared by equal days.
    """
    return _day(time_zone(store.timezone), store.business_day_start, at)


def change_days(store: Store, zone: str, start: time, at: datetime) -> bool:
    """Change the zone and the beginning of days from the next business day on.

    A second change before that replaces the first. Returns False, and changes nothing, when the
    day after the current one would last more than `LONGEST_DAY` or less than `SHORTEST_DAY`.
    """
    day, until = business_day(store, at), store.day_kept_until
    if until is None or at >= until:
        until = business_day_begin(store, day + DAY)
    next_end = first_instant(time_zone(zone), datetime.combine(day + 2 * DAY, start))
    if not SHORTEST_DAY <= next_end - until <= LONGEST_DAY:
        return False
    store.day_kept, store.day_kept_until, store.date_kept = day, until, sale_date(store, at)
    store.timezone, store.business_day_start = zone, start
    return True


def business_day_begin(store: Store, day: date) -> datetime:
    """When a regular day of the store begins (UTC); it ends when the next one begins."""
    return first_instant(time_zone(store.timezone), datetime.combine(day, store.business_day_start))


def first_instant(zone: ZoneInfo, wall_time: datetime) -> datetime:
    """When the clock of a place first shows or passes a time without offset; in UTC."""
    instant = wall_time.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall_time:
        return instant
    # The time is left out. Clocks change at full seconds, between these two times.
    before = wall_time.replace(tzinfo=zone, fold=1, microsecond=0).astimezone(UTC)
    after = instant.replace(microsecond=0)
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def since_midnight(clock: time) -> timedelta:
    """How far the hands of a clock have moved since midnight."""
    return timedelta(
        hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond
    )


def _day(zone: ZoneInfo, start: time, at: datetime) -> date:
    wall_time = at.astimezone(zone).replace(tzinfo=None)
    day = (wall_time - since_midnight(start)).date()
    # The clocks may have been put back after this day had begun.
    while first_instant(zone, datetime.combine(day + DAY, start)) <= at:
        day += DAY
    return day


def calendar_date_column() -> ColumnElement[date]:
    """Today's date of a row of Store for last days of sale, in a statement."""
    clock: Any = func.store_clock(Store.timezone, STATEMENT_TIME, type_=DateTime)
    return func.greatest(cast(clock, Date), Store.date_kept, type_=Date)


def business_day_column() -> ColumnElement[date]:
    """The current business day of a row of Store, in a statement."""
    parameters = (Store.timezone, Store.business_day_start, STATEMENT_TIME)
    regular = func.business_day(*parameters, type_=Date)
    # Without a kept day, the condition and the second value of `greatest` are null.
    next_day = func.greatest(regular, Store.day_kept + 1, type_=Date)
    return case((Store.day_kept_until > STATEMENT_TIME, Store.day_kept), else_=next_day)


async def read_calendar_date(session: AsyncSession, store_id: UUID) -> date:
    """Today's date in a store; it never goes back. Raises DomainError: NotFound without it."""
    statement = select(calendar_date_column()).where(Store.id == store_id)
    today: date | None = await session.scalar(statement)
    if today is None:
        raise not_found(Store, "storeId")
    return today


async def read_business_day(session: AsyncSession, store_id: UUID) -> date:
    """The current business day of a store. Raises DomainError: NotFound without the store."""
    statement = select(business_day_column()).where(Store.id == store_id)
    today: date | None = await session.scalar(statement)
    if today is None:
        raise not_found(Store, "storeId")
    return today
