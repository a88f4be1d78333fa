"""Items that a job fails to process: increasing delays, dead letters and run statistics."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentUnavailable
from jobs.retry_each import process_each
from jobs.run_log import RunLog
from jobs.runner import Job, JobDependencies, run_jobs
from jobs.schedule import BACKLOG_QUERIES, JOBS
from models.operations import JobFailure, JobState
from services.operations.job_status import MAX_ATTEMPTS


class Work:
    """Processes items, except those that fail."""

    def __init__(self, *failing: UUID, error: Exception | None = None) -> None:
        self.failing = set(failing)
        self.attempts: list[UUID] = []
        self.error = error or ValueError("failed on purpose")

    async def __call__(self, item: UUID) -> int:
        self.attempts.append(item)
        if item in self.failing:
            raise self.error
        return 1


async def read_failure(database: Database, item: UUID) -> JobFailure | None:
    async with database.read(PLATFORM) as session:
        failure: JobFailure | None = await session.scalar(
            select(JobFailure).where(JobFailure.item == item)
        )
    return failure


async def end_delays(database: Database) -> None:
    """Make all failed items due."""
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(update(JobFailure).values(next_at=func.now()))


async def test_a_failed_item_does_not_stop_others_and_is_delayed(
    database: Database,
) -> None:
    bad, good = uuid7(), uuid7()
    work = Work(bad)
    assert await process_each(database, "test", [bad, good], work) == 1
    assert await process_each(database, "test", [bad, good], work) == 1
    assert work.attempts == [bad, good, good]
    delays = []
    for _ in range(4):
        await end_delays(database)
        await process_each(database, "test", [bad], work)
        failure = await read_failure(database, bad)
        assert failure is not None
        delays.append(round((failure.next_at - failure.last_at).total_seconds()))
    assert delays == [2, 4, 8, 16]


async def test_a_failure_is_cleared_after_a_success(database: Database) -> None:
    item = uuid7()
    work = Work(item)
    await process_each(database, "test", [item], work)
    work.failing.clear()
    await end_delays(database)
    assert await process_each(database, "test", [item], work) == 1
    assert await read_failure(database, item) is None


@pytest.mark.parametrize("transient", [True, False])
async def test_the_tenth_failure_is_the_last_unless_the_error_is_transient(
    database: Database, transient: bool
) -> None:
    item = uuid7()
    work = Work(item, error=PaymentUnavailable("away") if transient else None)
    for _ in range(MAX_ATTEMPTS + 2):
        await end_delays(database)
        await process_each(database, "test", [item], work)
    failure = await read_failure(database, item)
    assert failure is not None
    assert (failure.dead, len(work.attempts)) == (not transient, MAX_ATTEMPTS + 2 * transient)
    if transient:
        assert (failure.next_at - failure.last_at).total_seconds() <= 60


async def test_every_backlog_query_belongs_to_a_job_and_runs(database: Database) -> None:
    assert set(BACKLOG_QUERIES) <= {job.name for job in JOBS}
    run_log = RunLog(database, BACKLOG_QUERIES)
    for name in BACKLOG_QUERIES:
        run_log.record_run(name, 1, 0, 3, None)
    run_log.record_run("broken", 1, 0, 0, "ValueError: no")
    await run_log.flush()
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(select(JobState))
        states = {row.name: row for row in rows}
    assert all(states[name].backlog is not None for name in BACKLOG_QUERIES)
    assert (states["broken"].failures, states["broken"].last_error) == (1, "ValueError: no")
    run_log.record_run("broken", 1, 0, 2, None)
    await run_log.flush()
    async with database.read(PLATFORM) as session:
        broken = await session.get_one(JobState, "broken")
    assert (broken.failures, broken.runs, broken.done) == (0, 2, 2)
    assert broken.last_error == "ValueError: no"


async def test_a_worker_stores_the_statistics_of_its_jobs(database: Database) -> None:
    stop, name = asyncio.Event(), f"counted {uuid7()}"

    async def run(dependencies: JobDependencies) -> int:
        stop.set()
        return 3

    dependencies = JobDependencies(*[cast(Any, None)] * 5)
    await run_jobs([Job(name, 0.01, run)], dependencies, stop, RunLog(database, {}))
    async with database.read(PLATFORM) as session:
        state = await session.get_one(JobState, name)
    assert (state.runs, state.done, state.failures, state.last_error) == (1, 3, 0, None)
