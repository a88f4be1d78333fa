"""Things that a job can't do: they wait longer and longer, and in the end for people."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import PaymentUnavailable
from jobs.retry_each import each
from jobs.run_log import Book
from jobs.runner import Hands, Job, run_all
from jobs.schedule import JOBS, WAITING
from models.operations import JobFailure, JobState
from services.operations.job_status import TRIES_COUNT


class Work:
    """Does things but those that it can't."""

    def __init__(self, *bad: UUID, error: Exception | None = None) -> None:
        self.bad = set(bad)
        self.tried: list[UUID] = []
        self.error = error or ValueError("it can't be done")

    async def __call__(self, item: UUID) -> int:
        self.tried.append(item)
        if item in self.bad:
            raise self.error
        return 1


async def failure(database: Database, item: UUID) -> JobFailure | None:
    async with database.read(PLATFORM) as session:
        found: JobFailure | None = await session.scalar(
            select(JobFailure).where(JobFailure.item == item)
        )
    return found


async def later(database: Database) -> None:
    """All the waiting is over."""
    async with database.write(PLATFORM, Origin("test")) as session:
        await session.execute(update(JobFailure).values(next_at=func.now()))


async def test_what_fails_holds_nothing_up_and_is_left_alone_for_a_while(
    database: Database,
) -> None:
    bad, good = uuid7(), uuid7()
    work = Work(bad)
    assert await each(database, "test", [bad, good], work) == 1
    assert await each(database, "test", [bad, good], work) == 1
    assert work.tried == [bad, good, good]
    waits = []
    for _ in range(4):
        await later(database)
        await each(database, "test", [bad], work)
        found = await failure(database, bad)
        assert found is not None
        waits.append(round((found.next_at - found.last_at).total_seconds()))
    assert waits == [2, 4, 8, 16]


async def test_what_works_in_the_end_is_forgotten(database: Database) -> None:
    item = uuid7()
    work = Work(item)
    await each(database, "test", [item], work)
    work.bad.clear()
    await later(database)
    assert await each(database, "test", [item], work) == 1
    assert await failure(database, item) is None


@pytest.mark.parametrize("passing", [True, False])
async def test_the_tenth_failure_is_the_last_unless_somebody_else_is_away(
    database: Database, passing: bool
) -> None:
    item = uuid7()
    work = Work(item, error=PaymentUnavailable("away") if passing else None)
    for _ in range(TRIES_COUNT + 2):
        await later(database)
        await each(database, "test", [item], work)
    found = await failure(database, item)
    assert found is not None
    assert (found.dead, len(work.tried)) == (not passing, TRIES_COUNT + 2 * passing)
    if passing:
        assert (found.next_at - found.last_at).total_seconds() <= 60


async def test_every_count_of_what_waits_is_of_a_job_and_can_be_asked(database: Database) -> None:
    assert set(WAITING) <= {job.name for job in JOBS}
    book = Book(database, WAITING)
    for name in WAITING:
        book.ran(name, 1, 0, 3, None)
    book.ran("broken", 1, 0, 0, "ValueError: no")
    await book.write()
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(select(JobState))
        found = {row.name: row for row in rows}
    assert all(found[name].backlog is not None for name in WAITING)
    assert (found["broken"].failures, found["broken"].last_error) == (1, "ValueError: no")
    book.ran("broken", 1, 0, 2, None)
    await book.write()
    async with database.read(PLATFORM) as session:
        broken = await session.get_one(JobState, "broken")
    assert (broken.failures, broken.runs, broken.done) == (0, 2, 2)
    assert broken.last_error == "ValueError: no"


async def test_a_worker_writes_down_how_its_jobs_fare(database: Database) -> None:
    stop, name = asyncio.Event(), f"noted {uuid7()}"

    async def run(hands: Hands) -> int:
        stop.set()
        return 3

    hands = Hands(*[cast(Any, None)] * 5)
    await run_all([Job(name, 0.01, run)], hands, stop, Book(database, {}))
    async with database.read(PLATFORM) as session:
        state = await session.get_one(JobState, name)
    assert (state.runs, state.done, state.failures, state.last_error) == (1, 3, 0, None)
