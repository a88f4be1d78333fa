"""The database's clock: the only one whose readings are stored."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def moment(session: AsyncSession, ahead_seconds: float = 0) -> datetime:
    """The present moment (UTC), or one `ahead_seconds` from it."""
    read = func.clock_timestamp(type_=DateTime(timezone=True))
    now: datetime = (await session.execute(select(read))).scalar_one()
    return now + timedelta(seconds=ahead_seconds)
