"""Collects the run statistics of this process's jobs in memory and stores them periodically."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.operations import job_status
from services.operations.job_status import MAX_BACKLOG_COUNT, JobRun

log = logging.getLogger("darkstore.jobs")

FLUSH_SECONDS = 5.0
BACKLOG_SECONDS = 15.0


@dataclass(slots=True)
class JobTally:
    """The runs of a job since the last flush."""

    interval_seconds: float
    started_at: float = 0.0
    duration_milliseconds: int = 0
    done: int = 0
    runs: int = 0
    failures: int = 0
    error: str | None = None


class RunLog:
    """One per worker; `backlog_queries` select the rows that wait for each job."""

    def __init__(self, database: Database, backlog_queries: dict[str, str]) -> None:
        self._database = database
        self._backlog_queries = backlog_queries
        self._tallies: dict[str, JobTally] = {}
        self._backlogs_read_at = 0.0

    def record_run(
        self,
        name: str,
        interval_seconds: float,
        started_at: float,
        item_count: int,
        error: str | None,
    ) -> None:
        """Record a run that has ended; `started_at` is by the monotonic clock."""
        tally = self._tallies.setdefault(name, JobTally(interval_seconds))
        tally.started_at, tally.done = started_at, item_count
        tally.duration_milliseconds = round((time.monotonic() - started_at) * 1_000)
        tally.runs += 1
        tally.failures = 0 if error is None else tally.failures + 1
        tally.error = error or tally.error

    async def flush(self) -> None:
        """Store the collected statistics; after a failure they are dropped."""
        tallies, self._tallies = self._tallies, {}
        try:
            backlogs = await self._read_backlogs()
            async with self._database.write(PLATFORM, AuditContext("job:book")) as session:
                await job_status.record_runs(session, _runs(tallies, backlogs))
        except Exception:
            log.warning("the run statistics of jobs could not be stored", exc_info=True)

    async def _read_backlogs(self) -> dict[str, int]:
        if time.monotonic() - self._backlogs_read_at < BACKLOG_SECONDS:
            return {}
        self._backlogs_read_at = time.monotonic()
        backlogs = {}
        async with self._database.read(PLATFORM) as session:
            for name, query in self._backlog_queries.items():
                # The limit bounds the cost of counting a long queue.
                statement = f"select count(*) from ({query} limit {MAX_BACKLOG_COUNT}) as due"  # noqa: S608 - the queries are constants of jobs/schedule.py
                backlogs[name] = int(await session.scalar(text(statement)) or 0)
        return backlogs


def _runs(tallies: dict[str, JobTally], backlogs: dict[str, int]) -> Sequence[JobRun]:
    now = time.monotonic()
    return [
        JobRun(
            name=name,
            interval_seconds=tally.interval_seconds,
            started_seconds_ago=now - tally.started_at,
            duration_milliseconds=tally.duration_milliseconds,
            done=tally.done,
            runs=tally.runs,
            failures=tally.failures,
            error=tally.error,
            backlog=backlogs.get(name),
        )
        for name, tally in sorted(tallies.items())
    ]
