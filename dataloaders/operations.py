"""Batch reads of jobs."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.operations import job_status


async def dead_letter_count_by_job(session: AsyncSession, names: Sequence[str]) -> list[int]:
    """The number of dead letters of each job."""
    return await job_status.dead_letter_counts(session, names)
