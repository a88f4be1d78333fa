from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import operations as load
from models.operations import JobFailure, JobState
from resolvers.operations import job_status as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.problems import InvalidTransitionType, NotFoundType


@backed_by(JobState, "A background job, with the statistics of the worker that ran it last.")
class JobType:
    name: str = column("Its name.")
    interval_seconds: float = column("Seconds between two runs.")
    last_started_at: datetime = column("Time of the last run, to a few seconds.")
    duration_milliseconds: int = column("Duration of the last run in milliseconds.")
    processed_count: int = column("Number of items in the last run.")
    run_count: int = column("Number of runs.")
    consecutive_failure_count: int = column("Number of failed runs since the last successful one.")
    last_error: str | None = column("Message of the last failure.")
    failed_at: datetime | None = column("Time of the last failure.")
    backlog: int | None = column(
        "Number of due items, counted up to 10,000; null if they are not counted."
    )
    dead_lettered_count: int = related(
        load.dead_letter_count_by_job, "Number of its dead letters.", by="name", cost=5
    )


@backed_by(JobFailure, "An item that a job failed to process.")
class JobFailureType:
    id: strawberry.ID = id_field(JobFailure)
    job: str = column("The job.")
    item: str = field(resolve.failure_item, "Key of the item, as in logs.")
    attempt_count: int = column(
        "Number of failures, without overloads and outages of other systems."
    )
    transient_attempt_count: int = column(
        "Number of successive attempts that met an overload or an outage."
    )
    error: str = column("Message of the last failure.")
    first_failed_at: datetime = column("Time of the first failure.")
    last_failed_at: datetime = column("Time of the last failure.")
    next_attempt_at: datetime = column("Time of the next attempt, unless it is a dead letter.")
    dead_lettered: bool = column(
        "Whether it is a dead letter, which is not retried until somebody asks for it."
    )


JobFailureRetryError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "JobFailureRetryError", description="Problems that `jobFailureRetry` can return."
    ),
]


@backed_by(resolve.JobFailureOutcome, "Result of `jobFailureRetry`.")
class JobFailureRetryPayload:
    job_failure: JobFailureType | None = column("The failure after the mutation.")
    errors: list[JobFailureRetryError] = column("The problems; empty if the mutation succeeded.")
