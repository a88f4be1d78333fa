"""Jobs as operators see them: how each fares, what waits for it, and what it can't do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.base import uuid7
from database.statements import kept
from models.identity import Actor, Role
from models.operations import JobFailure, JobState
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import IllegalStep, Refused, not_found

TRIES_COUNT = 10
WAIT_MOST_SECONDS = 600
PASSING_SECONDS = 60
ERROR_LENGTH = 500
BACKLOG_COUNT = 10_000

NOTE = text(
    """
    insert into job_state (name, every_seconds, began_at, duration_ms, done, runs, failures,
        last_error, failed_at, backlog)
    values (:name, :every, now() - make_interval(secs => :ago), :duration, :done, :runs,
        :failures, :error, case when cast(:error as text) is not null then now() end, :backlog)
    on conflict (name) do update set every_seconds = excluded.every_seconds,
        began_at = greatest(job_state.began_at, excluded.began_at),
        duration_ms = excluded.duration_ms, done = excluded.done,
        runs = least(job_state.runs::bigint + excluded.runs, 2000000000),
        failures = case when excluded.failures = 0 then 0
            else least(job_state.failures::bigint + excluded.failures, 2000000000) end,
        last_error = coalesce(excluded.last_error, job_state.last_error),
        failed_at = coalesce(excluded.failed_at, job_state.failed_at),
        backlog = coalesce(excluded.backlog, job_state.backlog)
    """
)
ASIDE = kept(
    text(
        "select item, dead or next_at > clock_timestamp() from job_failure"
        " where job = :job and item = any (:items)"
    ).bindparams(bindparam("items", type_=ARRAY(Uuid)))
)
FAILED = text(
    """
    insert into job_failure as known (id, job, item, tries, error, next_at, dead)
    values (:id, :job, :item, 1, :error, now() + interval '1 second', false)
    on conflict (job, item) do update set tries = known.tries + 1, error = excluded.error,
        last_at = now(), dead = known.dead or (:final and known.tries + 1 >= :most),
        next_at = now() + make_interval(secs => least(2 ^ least(known.tries, 20), :wait))
    returning dead
    """
)
WORKED = text("delete from job_failure where job = :job and item = :item")


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a job, and what came together since the last time this was told."""

    name: str
    every_seconds: float
    ago_seconds: float
    duration_ms: int
    done: int
    runs: int
    failures: int
    error: str | None
    backlog: int | None


async def note(session: AsyncSession, runs: Sequence[Run]) -> None:
    """Write down how jobs fare: a row a job, whoever runs it."""
    for one in runs:
        await session.execute(
            NOTE,
            {
                "name": one.name,
                "every": one.every_seconds,
                "ago": one.ago_seconds,
                "duration": one.duration_ms,
                "done": one.done,
                "runs": one.runs,
                "failures": one.failures,
                "error": one.error[:ERROR_LENGTH] if one.error else None,
                "backlog": one.backlog,
            },
        )


async def known(session: AsyncSession, job: str, items: Collection[UUID]) -> dict[UUID, bool]:
    """Which of these have failed, and whether they are not to be tried now."""
    rows = await session.execute(ASIDE, {"job": job, "items": list(items)})
    return {UUID(str(item)): bool(aside) for item, aside in rows}


async def failed(
    session: AsyncSession, job: str, item: UUID, error: str, *, passing: bool = False
) -> bool:
    """Note a failure; True when it was the last one before people have to look.

    What is `passing` (somebody else is away) is tried for ever, every minute.
    """
    given = {"id": uuid7(), "job": job, "item": item, "error": error[:ERROR_LENGTH]}
    wait = PASSING_SECONDS if passing else WAIT_MOST_SECONDS
    limits = {"most": TRIES_COUNT, "wait": float(wait), "final": not passing}
    return bool(await session.scalar(FAILED, {**given, **limits}))


async def worked(session: AsyncSession, job: str, item: UUID) -> None:
    """What failed before is done."""
    await session.execute(WORKED, {"job": job, "item": item})


async def states(session: AsyncSession, *, actor: Actor) -> Sequence[JobState]:
    """How every job fares, by name; for super admins. Refused: NotFound."""
    _only_platform(actor)
    rows = await session.scalars(select(JobState).order_by(JobState.name).limit(200))
    return rows.all()


async def failures(
    session: AsyncSession,
    *,
    actor: Actor,
    job: str | None,
    dead_only: bool,
    first: int,
    cursor: str | None,
) -> Page[JobFailure]:
    """A page of what jobs can't do, the newest first. Refused: NotFound, InvalidInput."""
    bounded(first)
    _only_platform(actor)
    rows = select(JobFailure)
    if job is not None:
        rows = rows.where(JobFailure.job == job)
    if dead_only:
        rows = rows.where(JobFailure.dead)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(JobFailure.id < start[0])
    found = await session.scalars(rows.order_by(JobFailure.id.desc()).limit(first + 1))
    return page(found.all(), first, lambda row: (str(row.id),))


async def retry(session: AsyncSession, *, actor: Actor, failure_id: UUID) -> JobFailure:
    """Let a job try a dead letter again, as if it had never failed.

    Refused: NotFound, IllegalStep while the job still tries by itself.
    """
    _only_platform(actor)
    row = await session.get(JobFailure, failure_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise not_found(JobFailure, "failureId")
    if not row.dead:
        message = "The job still tries this by itself."
        path = ["input", "failureId"]
        raise Refused(IllegalStep(path=path, message=message, state="WAITING", legal=[]))
    row.dead, row.tries, row.next_at = False, 0, await moment(session)
    await session.flush()
    return row


async def dead_counts(session: AsyncSession, names: Sequence[str]) -> list[int]:
    """How many dead letters each job has; webhooks keep theirs with their deliveries."""
    rows = await session.execute(
        select(JobFailure.job, func.count()).where(JobFailure.dead).group_by(JobFailure.job)
    )
    found: dict[Any, int] = {name: int(count) for name, count in rows}
    if "webhook.deliver" in names:
        dead = text("select count(*) from webhook_delivery where status = 'DEAD'")
        found["webhook.deliver"] = int(await session.scalar(dead) or 0)
    return [found.get(name, 0) for name in names]


def _only_platform(actor: Actor) -> None:
    if Role.SUPER_ADMIN not in actor.roles:
        raise not_found(JobFailure)
