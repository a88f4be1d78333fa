"""What read sessions and write sessions have in common: one reading of the database's clock."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

ClockReading = tuple[datetime, float]
"""A moment of the database's clock (UTC), and `time.monotonic()` when it was read."""


class ClockedSession(AsyncSession):
    """A session that remembers a reading of the database's clock."""

    clock_reading: ClockReading | None = None


def clocked(session: AsyncSession) -> ClockedSession:
    """The same session, typed; TypeError for one that this package did not open."""
    if isinstance(session, ClockedSession):
        return session
    raise TypeError(f"{type(session).__name__} was not opened by database.sessions")
