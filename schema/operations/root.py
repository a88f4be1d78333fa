"""Root fields of jobs, process statistics and the schema version."""

from functools import lru_cache
from hashlib import sha256

import strawberry

from resolvers.context import Info
from resolvers.operations import job_status as job_resolvers
from resolvers.operations import runtime as process_resolvers
from resolvers.rules import PLATFORM
from schema.backing import field, mutation
from schema.operations.job_status import JobFailureRetryPayload, JobFailureType, JobType
from schema.operations.runtime import OperationsType
from schema.pages import ConnectionType


@strawberry.type
class JobQuery:
    jobs: list[JobType] | None = field(
        job_resolvers.list_jobs, "All background jobs, by name.", allow=PLATFORM
    )
    job_failures: ConnectionType[JobFailureType] | None = field(
        job_resolvers.list_failures,
        "Items that jobs failed to process, newest first.",
        allow=PLATFORM,
    )


@strawberry.type
class JobMutation:
    job_failure_retry: JobFailureRetryPayload | None = mutation(
        job_resolvers.retry, "Retries a dead letter of a job.", allow=PLATFORM
    )


@strawberry.type
class ProcessStatsQuery:
    operations: OperationsType | None = field(
        process_resolvers.process_stats,
        "Figures of the process that answers.",
        allow=PLATFORM,
    )


def _schema_version(info: Info) -> str:
    return _schema_hash(info.schema)


@lru_cache(maxsize=2)
def _schema_hash(schema: strawberry.Schema) -> str:
    return sha256(schema.as_str().encode()).hexdigest()[:12]


@strawberry.type
class SchemaVersionQuery:
    schema_version: str = field(_schema_version, "Changes with every change of the schema.")
