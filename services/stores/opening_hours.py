"""Counts time in a store's opening hours only."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.stores import Store, StoreHours

MAX_DAYS_AHEAD = 14
Interval = tuple[datetime, datetime]


async def after_open_seconds(
    session: AsyncSession, store: Store, now: datetime, seconds: float
) -> datetime:
    """The time at which the store will have been open for so many seconds from now on.

    The end of the plain time when the store has no hours for two weeks.
    """
    rows = await session.scalars(select(StoreHours).where(StoreHours.store_id == store.id))
    return add_open_seconds(rows.all(), ZoneInfo(store.timezone), now, seconds)


def add_open_seconds(
    hours: Sequence[StoreHours], timezone: ZoneInfo, now: datetime, seconds: float
) -> datetime:
    """As `after_open_seconds`, for the given hours of a week in the store's time zone."""
    left = timedelta(seconds=seconds)
    position = now
    for opens, closes in _intervals(hours, timezone, now.astimezone(timezone).date()):
        begin = max(position, opens)
        if closes <= begin:
            continue
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
        position = closes
    return now + timedelta(seconds=seconds)


def _intervals(hours: Sequence[StoreHours], timezone: ZoneInfo, today: date) -> Iterator[Interval]:
    """The opening intervals from yesterday on, in the order in which they begin."""
    for ahead in range(-1, MAX_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        of_day = [row for row in hours if row.weekday == day.weekday()]
        for row in sorted(of_day, key=lambda row: row.opens):
            last_day = day + timedelta(days=row.closes <= row.opens)
            yield (
                datetime.combine(day, row.opens, timezone),
                datetime.combine(last_day, row.closes, timezone),
            )
