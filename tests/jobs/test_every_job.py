"""Every job of the schedule: failed items hold up no others, whatever the job selects."""

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Select, Uuid, column, select, values
from sqlalchemy.dialects import postgresql

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from gateways.storage import DiskStorage
from jobs import payments, retry_each
from jobs.retry_each import DueItems, Work
from jobs.runner import Job, JobDependencies
from jobs.schedule import JOBS
from models.operations import JobFailure
from services.operations import job_status

pytestmark = pytest.mark.bounded_batches
JOBS_WITH_ITEMS = [job for job in JOBS if job.due is not None]
BATCH_JOBS = {"hold.sweep", "price_change.apply_due", "ticket.raise_unanswered"}
"""These process all items in one transaction, and each by itself when that fails."""


def sql(due: DueItems) -> str:
    """The statement that selects the items of a job, on one line."""
    dialect: Any = postgresql
    compiled = due.statement().compile(dialect=dialect.dialect())
    return re.sub(r"\s+", " ", str(compiled)).lower()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_names_its_items_or_says_why_it_has_none(job: Job) -> None:
    assert (job.due is None) == bool(job.whole), job.name
    if job.due is not None:
        assert job.due.job == job.name


@pytest.mark.parametrize("job", JOBS_WITH_ITEMS, ids=lambda job: job.name)
async def test_failed_items_are_left_out_before_the_limit(database: Database, job: Job) -> None:
    """Fifty dead letters at the head starved a job: they were removed after the limit."""
    assert job.due is not None
    head, tail = sql(job.due).rsplit("not (exists (select job_failure.id from job_failure", 1)
    assert "order by" in tail
    assert " limit " in tail
    assert " limit " not in head, "the query of a job has no limit of its own"
    async with database.read(PLATFORM) as session:
        await session.scalars(job.due.statement())


class Run:
    """A run of a job that finds three items, of which the first one fails."""

    def __init__(self, job: Job, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        self.job, self.error = job, error
        self.items = sorted(uuid7() for _ in range(3))
        self.attempts: list[UUID] = []
        monkeypatch.setattr(job_status, "leave_out_waiting", self.find_items)
        process_one: Any = retry_each._process_one

        async def process(
            database: Database, name: str, item: UUID, work: Work, *, is_retry: bool
        ) -> int:
            return int(await process_one(database, name, item, self.work, is_retry=is_retry))

        monkeypatch.setattr(retry_each, "_process_one", process)

    def find_items(self, query: Select[Any], job: str) -> Select[Any]:
        if job != self.job.name:
            return query
        rows = values(column("id", Uuid), name="rows").data([(item,) for item in self.items])
        return select(rows.c.id).order_by(rows.c.id)

    async def work(self, item: UUID) -> int:
        self.attempts.append(item)
        if item == self.items[0]:
            raise self.error
        return 0

    async def failures(self, database: Database) -> Sequence[JobFailure]:
        async with database.read(PLATFORM) as session:
            rows = await session.scalars(select(JobFailure).where(JobFailure.item.in_(self.items)))
            return rows.all()


def fail_first_transaction(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the transaction of a batch fail."""
    write = Database.write
    calls = []

    def write_later(database: Database, *arguments: Any) -> AbstractAsyncContextManager[Any]:
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return write(database, *arguments)

    monkeypatch.setattr(Database, "write", write_later)


async def lease_all(database: Database, keys: Sequence[UUID]) -> dict[UUID, Any]:
    return dict.fromkeys(keys)


@pytest.mark.parametrize(
    ("error", "counted"),
    [(asyncpg.LockNotAvailableError("locked"), 0), (RuntimeError("unexpected"), 1)],
    ids=["transient", "unexpected"],
)
@pytest.mark.parametrize("job", JOBS_WITH_ITEMS, ids=lambda job: job.name)
async def test_a_failed_item_is_recorded_and_stops_no_other(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: Job,
    error: Exception,
    counted: int,
) -> None:
    """The settlement swallowed its errors, the payment inbox stopped at the first one."""
    run = Run(job, error, monkeypatch)
    nothing = cast(Any, None)
    dependencies = JobDependencies(database, nothing, DiskStorage(tmp_path), *[nothing] * 4)
    monkeypatch.setattr(payments, "_lease", lease_all)
    if job.name in BATCH_JOBS:
        fail_first_transaction(monkeypatch, error)
    await job.run(dependencies)
    assert job.due is not None
    assert run.attempts == run.items[: job.due.max_items]
    [failure] = await run.failures(database)
    assert (failure.job, failure.item, failure.dead_lettered) == (job.name, run.items[0], False)
    assert (failure.attempt_count, failure.transient_attempt_count) == (counted, 1 - counted)
