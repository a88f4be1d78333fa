"""Cursors of jobs: how far each has read something that it reads piece by piece."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

READ_CURSOR = text("select position from job_cursor where name = :name")
LOCK_CURSOR = text("select position from job_cursor where name = :name for update")
STORE_CURSOR = text(
    "insert into job_cursor (name, position) values (:name, :position)"
    " on conflict (name) do update set position = excluded.position, at = now()"
)


async def read_cursor(session: AsyncSession, name: str) -> str | None:
    """How far the job has read; None before its first run."""
    position: str | None = await session.scalar(READ_CURSOR, {"name": name})
    return position


async def lock_cursor(session: AsyncSession, name: str, start: str) -> str:
    """How far the job has read, or `start`; other runs of the job wait until the commit."""
    position = await session.scalar(LOCK_CURSOR, {"name": name})
    return str(position or start)


async def store_cursor(session: AsyncSession, name: str, position: str) -> None:
    """Store how far the job has read."""
    await session.execute(STORE_CURSOR, {"name": name, "position": position})
