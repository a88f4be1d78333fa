"""Items that a job fails to process: increasing delays, dead letters and run statistics."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Integer, Uuid, column, func, select, text, update, values
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentUnavailable
from jobs.retry_each import DueItems, process_batch, process_due, process_each, select_due
from jobs.run_log import RunLog
from jobs.runner import Job, JobDependencies, run_jobs
from jobs.schedule import BACKLOG_QUERIES, JOBS
from models.operations import JobFailure, JobState
from services.operations.job_status import MAX_ATTEMPTS

pytestmark = pytest.mark.bounded_batches


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
        await session.execute(update(JobFailure).values(next_attempt_at=func.now()))


async def test_a_failed_item_does_not_stop_others_and_is_delayed(
    database: Database,
) -> None:
    """One order that always fails kept all orders behind it from their turn."""
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
        delays.append(round((failure.next_attempt_at - failure.last_failed_at).total_seconds()))
    assert delays == [2, 4, 8, 16]


async def test_a_failure_is_cleared_after_a_success(database: Database) -> None:
    """Ten failures spread over years would make a dead letter of an item that works."""
    item = uuid7()
    work = Work(item)
    await process_each(database, "test", [item], work)
    work.failing.clear()
    await end_delays(database)
    assert await process_each(database, "test", [item], work) == 1
    assert await read_failure(database, item) is None


async def test_the_tenth_failure_is_the_last(database: Database) -> None:
    """An item that can't succeed was tried for ever, and nobody was told."""
    item = uuid7()
    work = Work(item)
    for _ in range(MAX_ATTEMPTS + 2):
        await end_delays(database)
        await process_each(database, "test", [item], work)
    failure = await read_failure(database, item)
    assert failure is not None
    assert (failure.dead_lettered, failure.attempt_count, len(work.attempts)) == (
        True,
        MAX_ATTEMPTS,
        MAX_ATTEMPTS,
    )


@pytest.mark.parametrize(
    "error",
    [
        PaymentUnavailable("away"),
        asyncpg.LockNotAvailableError("the row is locked"),
        asyncpg.TooManyConnectionsError("an overload"),
        DBAPIError("update", None, asyncpg.QueryCanceledError("statement timeout")),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_overload_is_not_counted_and_makes_no_dead_letter(
    database: Database, error: Exception
) -> None:
    """A row that was locked for 17 minutes was a dead letter, and held up its job from then on."""
    item = uuid7()
    work = Work(item, error=error)
    for _ in range(MAX_ATTEMPTS + 2):
        await end_delays(database)
        await process_each(database, "test", [item], work)
    failure = await read_failure(database, item)
    assert failure is not None
    assert (failure.dead_lettered, failure.attempt_count, failure.transient_attempt_count) == (
        False,
        0,
        MAX_ATTEMPTS + 2,
    )
    assert len(work.attempts) == MAX_ATTEMPTS + 2
    assert 30 < (failure.next_attempt_at - failure.last_failed_at).total_seconds() <= 60
    work.error = ValueError("failed on purpose")
    await end_delays(database)
    await process_each(database, "test", [item], work)
    failure = await read_failure(database, item)
    assert failure is not None
    assert (failure.dead_lettered, failure.attempt_count, failure.transient_attempt_count) == (
        False,
        1,
        0,
    )


async def test_a_hanging_item_does_not_stop_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off before the failure was recorded, and began with the same item again."""
    hanging, good = uuid7(), uuid7()
    attempts = []

    async def work(item: UUID) -> int:
        attempts.append(item)
        if item == hanging:
            await asyncio.Event().wait()
        return 1

    count = await process_each(database, "test", [hanging, good], work, item_timeout_seconds=0.05)
    assert (count, attempts) == (1, [hanging, good])
    failure = await read_failure(database, hanging)
    assert failure is not None
    assert (failure.dead_lettered, failure.attempt_count, failure.transient_attempt_count) == (
        False,
        0,
        1,
    )


async def test_a_failure_is_recorded_whatever_its_message(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL stores no NUL: the failure was lost, and the run ended there."""
    # The report of a test goes to another process, which accepts no half of a surrogate pair.
    caplog.set_level(logging.CRITICAL, logger="darkstore.jobs")
    bad, good = uuid7(), uuid7()
    work = Work(bad, error=ValueError("a NUL \0 and half a pair \ud800" + "!" * 1000))
    assert await process_each(database, "test", [bad, good], work) == 1
    failure = await read_failure(database, bad)
    assert failure is not None
    assert failure.error.startswith("ValueError: a NUL \N{REPLACEMENT CHARACTER} and half a pair ?")


def due_of(items: Sequence[UUID], max_items: int = 2) -> DueItems:
    """These items, due in their order."""
    rows = values(column("id", Uuid), column("place", Integer), name="rows").data(
        [(item, place) for place, item in enumerate(items)]
    )
    return DueItems("test", select(rows.c.id).order_by(rows.c.place), max_items)


@pytest.mark.parametrize("dead", [True, False])
async def test_failed_items_at_the_head_do_not_starve_the_others(
    database: Database, dead: bool
) -> None:
    """Fifty dead letters filled the limit of the statement, and no other item was selected."""
    failed, good = [uuid7() for _ in range(4)], [uuid7() for _ in range(3)]
    work = Work(*failed)
    for _ in range(MAX_ATTEMPTS if dead else 1):
        await end_delays(database)
        await process_each(database, "test", failed, work)
    due = due_of([*failed, *good])
    assert await select_due(database, due) == good[:2]
    work.attempts.clear()
    assert await process_due(database, due, work) == 2
    assert work.attempts == good[:2]


async def test_a_dead_letter_of_another_job_is_due(database: Database) -> None:
    """An item that one job has given up was left out by all others too."""
    item = uuid7()
    for _ in range(MAX_ATTEMPTS):
        await end_delays(database)
        await process_each(database, "another", [item], Work(item))
    assert await select_due(database, due_of([item])) == [item]


async def test_one_bad_item_of_a_batch_does_not_stop_the_others(database: Database) -> None:
    """A batch is one transaction: with one bad row none of it was ever written."""
    bad, *good = items = [uuid7() for _ in range(4)]
    calls: list[list[UUID]] = []

    async def work(session: AsyncSession, some: Sequence[UUID]) -> int:
        calls.append(list(some))
        for item in some:
            await session.execute(text("select cast(:item as uuid)"), {"item": item})
        if bad in some:
            raise ValueError("failed on purpose")
        return len(some)

    assert await process_batch(database, due_of(items, 3), work) == 2
    assert calls == [items[:3], *([item] for item in items[:3])]
    calls.clear()
    assert await process_batch(database, due_of(items[3:], 3), work) == 1
    assert calls == [items[3:]]
    assert await read_failure(database, bad) is not None
    assert [await read_failure(database, item) for item in good] == [None] * 3


async def test_a_batch_that_works_again_clears_its_failures(database: Database) -> None:
    """Failures of an outage that is over would be counted against the next one."""
    item = uuid7()
    is_broken = True

    async def work(session: AsyncSession, some: Sequence[UUID]) -> int:
        if is_broken:
            raise ValueError("failed on purpose")
        return len(some)

    assert await process_batch(database, due_of([item]), work) == 0
    assert await process_batch(database, due_of([item]), work) == 0
    is_broken = False
    await end_delays(database)
    assert await process_batch(database, due_of([item]), work) == 1
    assert await read_failure(database, item) is None


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
    assert (states["broken"].consecutive_failure_count, states["broken"].last_error) == (
        1,
        "ValueError: no",
    )
    run_log.record_run("broken", 1, 0, 2, None)
    await run_log.flush()
    async with database.read(PLATFORM) as session:
        broken = await session.get_one(JobState, "broken")
    assert (broken.consecutive_failure_count, broken.run_count, broken.processed_count) == (0, 2, 2)
    assert broken.last_error == "ValueError: no"


async def test_a_worker_stores_the_statistics_of_its_jobs(database: Database) -> None:
    stop, name = asyncio.Event(), f"counted {uuid7()}"

    async def run(dependencies: JobDependencies) -> int:
        stop.set()
        return 3

    dependencies = JobDependencies(*[cast(Any, None)] * 7)
    await run_jobs([Job(name, 0.01, run)], dependencies, stop, RunLog(database, {}))
    async with database.read(PLATFORM) as session:
        state = await session.get_one(JobState, name)
    assert (
        state.run_count,
        state.processed_count,
        state.consecutive_failure_count,
        state.last_error,
    ) == (1, 3, 0, None)
