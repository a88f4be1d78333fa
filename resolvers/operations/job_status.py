"""Background jobs, for platform administrators."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.operations import JobFailure, JobState
from resolvers.context import Info
from resolvers.mutations import run_mutation
from resolvers.operations.inputs import JobFailureRetryInput
from services.core.pages import Page
from services.core.problems import parse_id
from services.operations import job_status

First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
JobName = Annotated[str | None, strawberry.argument(description="Only items of this job.")]
DeadOnly = Annotated[bool, strawberry.argument(description="Only dead letters.")]


@dataclass
class JobFailureOutcome:
    """Result of `jobFailureRetry`: the failure, or the problems."""

    job_failure: JobFailure | None = None
    errors: list[Any] = field(default_factory=list)


async def list_jobs(info: Info) -> Sequence[JobState]:
    async with info.context.read() as session:
        return await job_status.list_jobs(session, actor=info.context.actor)


async def list_failures(
    info: Info,
    first: First,
    after: After = None,
    job: JobName = None,
    dead_lettered_only: DeadOnly = False,
) -> Page[JobFailure]:
    arguments: Any = {
        "job": job,
        "dead_lettered_only": dead_lettered_only,
        "first": first,
        "cursor": after,
    }
    async with info.context.read() as session:
        return await job_status.list_failures(session, actor=info.context.actor, **arguments)


async def retry(info: Info, input: JobFailureRetryInput) -> JobFailureOutcome:
    async def operation(session: AsyncSession) -> JobFailure:
        key = parse_id(JobFailure, input.job_failure_id, "jobFailureId")
        return await job_status.retry(session, actor=info.context.actor, failure_id=key)

    return await run_mutation(info, JobFailureOutcome, operation, input=input)


def failure_item(parent: strawberry.Parent[JobFailure]) -> str:
    return str(parent.item)
