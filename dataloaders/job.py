"""Batch reads of what jobs can't do."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services import job as jobs


async def dead_by_job(session: AsyncSession, names: Sequence[str]) -> list[int]:
    """How many dead letters each job has."""
    return await jobs.dead_counts(session, names)
