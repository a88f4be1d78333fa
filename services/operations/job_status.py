"""Status of background jobs for operators: last runs, backlogs, and failed items."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.base import uuid7
from database.statements import prepared
from models.identity import Actor, Role
from models.operations import JobFailure, JobState
from services.core import clock
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.core.text import storable_text

MAX_ATTEMPTS = 10
MAX_RETRY_DELAY_SECONDS = 600
TRANSIENT_RETRY_SECONDS = 60
MAX_ERROR_LENGTH = 500
MAX_BACKLOG_COUNT = 10_000

UPSERT_JOB_STATE = text(
    """
    insert into job_state (name, interval_seconds, last_started_at, duration_milliseconds,
        processed_count, run_count, consecutive_failure_count, last_error, failed_at, backlog)
    values (:name, :every, now() - make_interval(secs => :ago), :duration, :done, :runs,
        :failures, :error, case when cast(:error as text) is not null then now() end, :backlog)
    on conflict (name) do update set interval_seconds = excluded.interval_seconds,
        last_started_at = greatest(job_state.last_started_at, excluded.last_started_at),
        duration_milliseconds = excluded.duration_milliseconds,
        processed_count = excluded.processed_count,
        run_count = least(job_state.run_count::bigint + excluded.run_count, 2000000000),
        consecutive_failure_count = case when excluded.consecutive_failure_count = 0 then 0
            else least(2000000000, job_state.consecutive_failure_count::bigint
                + excluded.consecutive_failure_count) end,
        last_error = coalesce(excluded.last_error, job_state.last_error),
        failed_at = coalesce(excluded.failed_at, job_state.failed_at),
        backlog = coalesce(excluded.backlog, job_state.backlog)
    """
)
SELECT_FAILURES = prepared(
    text(
        "select item, dead_lettered or next_attempt_at > clock_timestamp() from job_failure"
        " where job = :job and item = any (:items)"
    ).bindparams(bindparam("items", type_=ARRAY(Uuid)))
)
UPSERT_FAILURE = text(
    """
    insert into job_failure as failure
        (id, job, item, attempt_count, transient_attempt_count, error, next_attempt_at,
            dead_lettered)
    values (:id, :job, :item, :counted, 1 - :counted, :error, now() + interval '1 second', false)
    on conflict (job, item) do update set
        attempt_count = failure.attempt_count + excluded.attempt_count,
        transient_attempt_count
            = (failure.transient_attempt_count + 1) * excluded.transient_attempt_count,
        error = excluded.error, last_failed_at = now(),
        dead_lettered = failure.dead_lettered
            or (excluded.attempt_count = 1 and failure.attempt_count + 1 >= :most),
        next_attempt_at = now() + make_interval(secs => least(:wait, 2 ^ least(20,
            case excluded.attempt_count when 1 then failure.attempt_count
                else failure.transient_attempt_count end)))
    returning dead_lettered
    """
)
INSERT_DEAD_LETTER = text(
    """ insert into job_failure (id, job, item, attempt_count, error, next_attempt_at,
    dead_lettered) values (:id, :job, :item, 1, :error, now(), true) on conflict (job, item) do
    update set error = excluded.error, last_failed_at = now(), dead_lettered = true
    """
)
# With the time, which saves a query; that it may be of before a wait for the lock does no harm.
LOCK_FAILURE = prepared(
    select(JobFailure, clock.CLOCK_TIMESTAMP)
    .where(JobFailure.id == bindparam("failure"))
    .with_for_update(of=JobFailure)
    .execution_options(populate_existing=True)
)
DELETE_FAILURE = text("delete from job_failure where job = :job and item = :item")


@dataclass(frozen=True, slots=True)
class JobRun:
    """The last run of a job; `runs` counts those since the previous record."""

    name: str
    interval_seconds: float
    started_seconds_ago: float
    duration_milliseconds: int
    done: int
    runs: int
    failures: int
    error: str | None
    backlog: int | None


async def record_runs(session: AsyncSession, runs: Sequence[JobRun]) -> None:
    """Write the state of jobs: one row for each job, whichever worker runs it."""
    for run in runs:
        await session.execute(
            UPSERT_JOB_STATE,
            {
                "name": run.name,
                "every": run.interval_seconds,
                "ago": run.started_seconds_ago,
                "duration": run.duration_milliseconds,
                "done": run.done,
                "runs": run.runs,
                "failures": run.failures,
                "error": storable_text(run.error, MAX_ERROR_LENGTH) if run.error else None,
                "backlog": run.backlog,
            },
        )


async def read_failures(
    session: AsyncSession, job: str, items: Collection[UUID]
) -> dict[UUID, bool]:
    """The items that have failed before, and whether each must not be tried now."""
    rows = await session.execute(SELECT_FAILURES, {"job": job, "items": list(items)})
    return {UUID(str(item)): bool(is_waiting) for item, is_waiting in rows}


async def record_failure(
    session: AsyncSession, job: str, item: UUID, error: str, *, transient: bool = False
) -> bool:
    """Record a failure; returns whether the item is now a dead letter, which needs an operator.

    A `transient` failure (another system is unavailable) is not counted: the item is retried
    without limit, at least every minute.
    """
    values = {
        "id": uuid7(),
        "job": job,
        "item": item,
        "error": storable_text(error, MAX_ERROR_LENGTH),
    }
    max_delay = TRANSIENT_RETRY_SECONDS if transient else MAX_RETRY_DELAY_SECONDS
    limits = {"most": MAX_ATTEMPTS, "wait": float(max_delay), "counted": int(not transient)}
    return bool(await session.scalar(UPSERT_FAILURE, {**values, **limits}))


async def record_dead_letter(session: AsyncSession, job: str, item: UUID, error: str) -> None:
    """List an item that no attempt can help, until an operator has seen it and retries it."""
    values = {"job": job, "item": item, "error": storable_text(error, MAX_ERROR_LENGTH)}
    await session.execute(INSERT_DEAD_LETTER, {"id": uuid7(), **values})


def leave_out_waiting(query: Select[Any], job: str) -> Select[Any]:
    """`query` without the items that a job must not try now: dead letters, and in back-off.

    Its first column is the key of the item. The condition belongs into the statement that selects
    them: if failed items were removed afterwards, they could fill its limit and starve the others.
    """
    item = query.selected_columns[0]
    waiting = select(JobFailure.id).where(
        JobFailure.job == job,
        JobFailure.item == item,
        JobFailure.dead_lettered | (JobFailure.next_attempt_at > func.clock_timestamp()),
    )
    return query.where(~waiting.exists())


async def clear_failure(session: AsyncSession, job: str, item: UUID) -> None:
    """Forget the failure of an item that succeeded."""
    await session.execute(DELETE_FAILURE, {"job": job, "item": item})


async def list_jobs(session: AsyncSession, *, actor: Actor) -> Sequence[JobState]:
    """All job states by name, for super admins. Raises DomainError: NotFound."""
    _require_super_admin(actor)
    rows = await session.scalars(select(JobState).order_by(JobState.name).limit(200))
    return rows.all()


async def list_failures(
    session: AsyncSession,
    *,
    actor: Actor,
    job: str | None,
    dead_lettered_only: bool,
    first: int,
    cursor: str | None,
) -> Page[JobFailure]:
    """A page of failed items, newest first. Raises DomainError: NotFound, InvalidInput."""
    check_page_size(first)
    _require_super_admin(actor)
    query = select(JobFailure)
    if job is not None:
        query = query.where(JobFailure.job == job)
    if dead_lettered_only:
        query = query.where(JobFailure.dead_lettered)
    if (start := decode_cursor(cursor, JobFailure.id)) is not None:
        query = query.where(JobFailure.id < start[0])
    failures = await session.scalars(query.order_by(JobFailure.id.desc()).limit(first + 1))
    return build_page(failures.all(), first, cursor, lambda failure: (str(failure.id),))


async def retry(session: AsyncSession, *, actor: Actor, failure_id: UUID) -> JobFailure:
    """Let a job try a dead letter again, with its attempts reset.

    Raises DomainError: NotFound, InvalidTransition while the job still retries it.
    """
    _require_super_admin(actor)
    row = (await session.execute(LOCK_FAILURE, {"failure": failure_id})).first()
    if row is None:
        raise not_found(JobFailure, "jobFailureId")
    failure, now = row
    if not failure.dead_lettered:
        message = "The job still tries this by itself."
        raise illegal_step("input", "jobFailureId", message=message, state="WAITING")
    failure.dead_lettered, failure.attempt_count, failure.transient_attempt_count = False, 0, 0
    failure.next_attempt_at = now
    await session.flush()
    return failure


async def dead_letter_counts(session: AsyncSession, names: Sequence[str]) -> list[int]:
    """The number of dead letters of each job; those of webhooks are their dead deliveries."""
    rows = await session.execute(
        select(JobFailure.job, func.count())
        .where(JobFailure.dead_lettered)
        .group_by(JobFailure.job)
    )
    counts: dict[Any, int] = {name: int(count) for name, count in rows}
    if "webhook.deliver" in names:
        dead = text("select count(*) from webhook_delivery where status = 'FAILED'")
        counts["webhook.deliver"] = int(await session.scalar(dead) or 0)
    return [counts.get(name, 0) for name in names]


def _require_super_admin(actor: Actor) -> None:
    if Role.SUPER_ADMIN not in actor.roles:
        raise not_found(JobFailure)
