"""Runs jobs until stopped: one loop per job, each run with a time limit, failures logged."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from database.sessions import Database
from gateways.objects import ObjectStorage
from gateways.payments import PaymentGateway
from gateways.storage import FileStorage
from gateways.webhook import WebhookClient
from jobs.integrations import WebhookPayloadSource
from jobs.retry_each import DueItems
from jobs.run_log import FLUSH_SECONDS, RunLog
from services.operations.retention_rules import DEFAULT_PERIODS, RetentionPeriods
from workflows.messages import MessageSender

log = logging.getLogger("darkstore.jobs")

RUN_TIMEOUT_SECONDS = 30.0
MAX_BACK_OFF_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class JobDependencies:
    """The resources that jobs use."""

    database: Database
    payments: PaymentGateway
    storage: FileStorage
    objects: ObjectStorage
    webhooks: WebhookClient
    payloads: WebhookPayloadSource
    messages: MessageSender
    retention: RetentionPeriods = DEFAULT_PERIODS


JobFunction = Callable[[JobDependencies], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Job:
    """A function that runs every `interval_seconds` and returns the number of processed items.

    `due` says what it selects: failed items are then left out, retried and listed one by one. A
    job without it gives in `whole` the reason why it has no such items.
    """

    name: str
    interval_seconds: float
    run: JobFunction
    due: DueItems | None = None
    whole: str = ""


async def run_jobs(
    jobs: Sequence[Job],
    dependencies: JobDependencies,
    stop: asyncio.Event,
    run_log: RunLog | None = None,
) -> None:
    """Run every job until `stop` is set; running jobs finish and the run log is flushed."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, dependencies, stop, run_log), name=f"job:{job.name}")
        if run_log is not None:
            group.create_task(_flush_periodically(run_log, stop), name="job:run-log")
    if run_log is not None:
        await run_log.flush()


async def _repeat(
    job: Job, dependencies: JobDependencies, stop: asyncio.Event, run_log: RunLog | None
) -> None:
    while not stop.is_set():
        started_at, item_count, error = time.monotonic(), 0, None
        pause = job.interval_seconds
        try:
            async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
                item_count = await job.run(dependencies)
            if item_count:
                duration_milliseconds = (time.monotonic() - started_at) * 1000
                log.info("%s processed %d in %.0f ms", job.name, item_count, duration_milliseconds)
        except (Exception, asyncio.CancelledError) as failure:
            # A task that the job awaits may be canceled without the job being canceled.
            if _is_canceled():
                raise
            log.warning("%s failed and will be tried again", job.name, exc_info=True)
            error = f"{type(failure).__name__}: {failure}"
            pause = max(pause, MAX_BACK_OFF_SECONDS * random.random())
        if run_log is not None:
            run_log.record_run(job.name, job.interval_seconds, started_at, item_count, error)
        await _wait(stop, pause * random.uniform(0.9, 1.1))


def _is_canceled() -> bool:
    """Whether the current task itself was canceled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _flush_periodically(run_log: RunLog, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _wait(stop, FLUSH_SECONDS)
        await run_log.flush()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait for that time, or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
