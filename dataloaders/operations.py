"""Batch reads of what jobs can't do."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.operations import job_status


async def dead_by_job(session: AsyncSession, names: Sequence[str]) -> list[int]:
    """How many dead letters each job has."""
    return await job_status.dead_counts(session, names)
