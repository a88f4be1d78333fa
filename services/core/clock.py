"""Current time of a unit of work, from the database's clock; stored times come from it alone."""

import time
from datetime import datetime, timedelta

from sqlalchemy import DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.clocked_session import ClockReading, clocked
from database.statements import prepared

CLOCK_TIMESTAMP = func.clock_timestamp(type_=DateTime(timezone=True))
SELECT_CLOCK_TIMESTAMP = prepared(select(CLOCK_TIMESTAMP))


def set_current_time(session: AsyncSession, now: datetime) -> None:
    """Store a clock reading that came with another statement, which saves a query.

    The first reading of a unit of work is kept, so that its times never go backwards.
    """
    _first_reading(session, now)


async def database_time(session: AsyncSession) -> datetime:
    """The database's clock now, asked anew: for moments that are compared under a lock."""
    return (await session.execute(SELECT_CLOCK_TIMESTAMP)).scalar_one()


async def current_time(session: AsyncSession, offset_seconds: float = 0) -> datetime:
    """Return the current time (UTC) plus `offset_seconds`.

    The database is queried once per unit of work; later readings add the process's monotonic
    clock, whose drift is negligible over the seconds that a unit of work takes.
    """
    reading = clocked(session).clock_reading
    if reading is None:
        now = (await session.execute(SELECT_CLOCK_TIMESTAMP)).scalar_one()
        reading = _first_reading(session, now)
    read_at, monotonic_at = reading
    return read_at + timedelta(seconds=time.monotonic() - monotonic_at + offset_seconds)


def _first_reading(session: AsyncSession, now: datetime) -> ClockReading:
    clock = clocked(session)
    if clock.clock_reading is None:
        clock.clock_reading = (now, time.monotonic())
    return clock.clock_reading
