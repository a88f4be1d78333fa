"""Root fields of background work."""

import strawberry

from resolvers import job as resolve
from resolvers.rules import PLATFORM
from schema.backing import field, mutation
from schema.job import Job, JobFailure, JobFailureRetryPayload
from schema.page import Connection


@strawberry.type
class Query:
    jobs: list[Job] = field(resolve.listed, "How every job fares, by name.", allow=PLATFORM)
    job_failures: Connection[JobFailure] = field(
        resolve.failures, "What jobs can't do, the newest first.", allow=PLATFORM
    )


@strawberry.type
class Mutation:
    job_failure_retry: JobFailureRetryPayload = mutation(
        resolve.retry, "Let a job try a dead letter again.", allow=PLATFORM
    )
