from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import operations as load
from models.operations import JobFailure, JobState
from resolvers.operations import job_status as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.problems import IllegalStepType, NotFoundType


@backed_by(JobState, "A piece of background work, by the worker that did it last.")
class JobType:
    name: str = column("Its name.")
    every_seconds: float = column("Seconds between two runs.")
    began_at: datetime = column("When it ran last, to a few seconds.")
    duration_ms: int = column("Milliseconds that this took.")
    done: int = column("How many things it did then.")
    runs: int = column("How often it ran in all.")
    failures: int = column("How often it failed as a whole since it last worked.")
    last_error: str | None = column("How it failed last, if it ever did.")
    failed_at: datetime | None = column("When it failed last.")
    backlog: int | None = column(
        "What is due and not done, counted up to 10,000; null where nothing is counted."
    )
    dead_count: int = related(load.dead_letter_count_by_job, "Its dead letters.", by="name", cost=5)


@backed_by(JobFailure, "One thing that a job can't do.")
class JobFailureType:
    id: strawberry.ID = id_field(JobFailure)
    job: str = column("The job.")
    item: str = field(resolve.failure_item, "The key of the thing, as logs name it.")
    tries: int = column("How often it failed, overloads and outages of other systems left out.")
    transient_tries: int = column("How often in a row it met an overload or an outage.")
    error: str = column("How the last try failed.")
    first_at: datetime = column("When it failed first.")
    last_at: datetime = column("When it failed last.")
    next_at: datetime = column("When it is tried again, unless it is dead.")
    dead: bool = column("Whether it waits for people.")


JobFailureRetryError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("JobFailureRetryError", description="Why it is not tried again."),
]


@backed_by(resolve.JobFailureOutcome, "What jobFailureRetry did.")
class JobFailureRetryPayload:
    failure: JobFailureType | None = column("The failure as it is now.")
    errors: list[JobFailureRetryError] = column("Every reason why nothing was done.")
