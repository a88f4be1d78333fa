"""Jobs, for those who run the platform."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.operations import JobFailure, JobState
from resolvers.context import Info
from resolvers.mutations import attempt
from resolvers.operations.inputs import JobFailureRetryInput
from services.core.pages import Page
from services.core.problems import key_of
from services.operations import job_status

First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
OfJob = Annotated[str | None, strawberry.argument(description="Only those of this job.")]
DeadOnly = Annotated[bool, strawberry.argument(description="Only those that wait for people.")]


@dataclass
class JobFailureOutcome:
    """What letting a dead letter be tried again answers."""

    failure: JobFailure | None = None
    errors: list[Any] = field(default_factory=list)


async def listed(info: Info) -> Sequence[JobState]:
    async with info.context.read() as session:
        return await job_status.states(session, actor=info.context.actor)


async def failures(
    info: Info, first: First, after: After = None, job: OfJob = None, dead_only: DeadOnly = False
) -> Page[JobFailure]:
    given: Any = {"job": job, "dead_only": dead_only, "first": first, "cursor": after}
    async with info.context.read() as session:
        return await job_status.failures(session, actor=info.context.actor, **given)


async def retry(info: Info, input: JobFailureRetryInput) -> JobFailureOutcome:
    async def verb(session: AsyncSession) -> JobFailure:
        key = key_of(JobFailure, input.failure_id, "failureId")
        return await job_status.retry(session, actor=info.context.actor, failure_id=key)

    return await attempt(info, JobFailureOutcome, verb, input=input)


def item(parent: strawberry.Parent[JobFailure]) -> str:
    return str(parent.item)
