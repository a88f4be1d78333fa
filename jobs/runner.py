"""Runs the table of jobs until told to stop: a loop each, bounded in time, never silent."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from database.sessions import Database
from gateways.payments import Payments as PaymentProvider
from gateways.storage import Storage
from gateways.webhook import Webhooks
from jobs.integrations import Payloads
from jobs.run_log import Book
from services.events.partitions import KEPT_DAYS

log = logging.getLogger("darkstore.jobs")

RUN_SECONDS = 30.0
BACK_OFF_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Hands:
    """What jobs work with."""

    database: Database
    payments: PaymentProvider
    storage: Storage
    webhooks: Webhooks
    payloads: Payloads
    events_days: int = KEPT_DAYS


Run = Callable[[Hands], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work done again `every_seconds`; `run` answers how many things it did."""

    name: str
    every_seconds: float
    run: Run


async def run_all(
    jobs: Sequence[Job], hands: Hands, stop: asyncio.Event, book: Book | None = None
) -> None:
    """Run every job until `stop` is set, then let the runs under way end; the book is kept."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, hands, stop, book), name=f"job:{job.name}")
        if book is not None:
            group.create_task(book.keep(stop), name="job:book")
    if book is not None:
        await book.write()


async def _repeat(job: Job, hands: Hands, stop: asyncio.Event, book: Book | None) -> None:
    while not stop.is_set():
        began, done, error = time.monotonic(), 0, None
        pause = job.every_seconds
        try:
            async with asyncio.timeout(RUN_SECONDS):
                done = await job.run(hands)
            if done:
                took = (time.monotonic() - began) * 1000
                log.info("%s did %d in %.0f ms", job.name, done, took)
        except (Exception, asyncio.CancelledError) as failure:
            # Something a job waits for may be canceled without anybody meaning the job itself.
            if _canceled():
                raise
            log.warning("%s failed and will be tried again", job.name, exc_info=True)
            error = f"{type(failure).__name__}: {failure}"
            pause = max(pause, BACK_OFF_SECONDS * random.random())
        if book is not None:
            book.ran(job.name, job.every_seconds, began, done, error)
        await _wait(stop, pause * random.uniform(0.9, 1.1))


def _canceled() -> bool:
    """Whether the running task itself is to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
