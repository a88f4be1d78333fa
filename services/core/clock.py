"""The database's clock: the only one whose readings are stored."""

import time
from datetime import datetime, timedelta

from sqlalchemy import DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept

READING = "clock"
CLOCK = func.clock_timestamp(type_=DateTime(timezone=True))
NOW = kept(select(CLOCK))


def hear(session: AsyncSession, now: datetime) -> None:
    """Take a reading that came with another statement, so that nobody asks for one.

    The first one of a unit of work stands: its moments never go back.
    """
    session.info.setdefault(READING, (now, time.monotonic()))


async def moment(session: AsyncSession, ahead_seconds: float = 0) -> datetime:
    """The present moment (UTC), or one `ahead_seconds` from it.

    The database is asked once a unit of work; from there this process's stopwatch goes on, which
    can't drift in the seconds that a unit of work lives.
    """
    if READING not in session.info:
        hear(session, (await session.execute(NOW)).scalar_one())
    reading: tuple[datetime, float] = session.info[READING]
    at, then = reading
    return at + timedelta(seconds=time.monotonic() - then + ahead_seconds)
