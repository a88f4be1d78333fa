"""Selects the items that are due for a job, processes each by itself, and retries failed ones.

A failed item never stops the others and never holds a place among the due ones: the statement that
selects them leaves out dead letters and items that wait for their next attempt.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.core.transient_errors import is_transient
from services.operations import job_status

log = logging.getLogger("darkstore.jobs")

MAX_ITEMS = 50
# A run ends after 30 s: none of its items is cut off by that.
START_SECONDS = 8.0
ITEM_TIMEOUT_SECONDS = 20.0
Work = Callable[[UUID], Awaitable[int]]
ItemStep = Callable[[AsyncSession, UUID], Awaitable[int]]
BatchWork = Callable[[AsyncSession, Sequence[UUID]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class DueItems:
    """What is due for a job: `query` selects the keys in the order of their turn, all of them."""

    job: str
    query: Select[Any]
    max_items: int = MAX_ITEMS

    def statement(self) -> Select[Any]:
        """Selects the next items, without dead letters and those that wait for another attempt."""
        return job_status.leave_out_waiting(self.query, self.job).limit(self.max_items)


async def select_due(database: Database, due: DueItems) -> list[UUID]:
    """The items whose turn it is, at most `max_items`."""
    async with database.read(PLATFORM) as session:
        return [UUID(str(item)) for item in await session.scalars(due.statement())]


async def process_due(
    database: Database, due: DueItems, work: Work, *, max_concurrent: int = 1
) -> int:
    """Call `work` for every due item, as `process_each` does; returns the sum of its results."""
    items = await select_due(database, due)
    return await process_each(database, due.job, items, work, max_concurrent=max_concurrent)


async def process_in_transactions(database: Database, due: DueItems, step: ItemStep) -> int:
    """Call `step` for every due item in a transaction of its own; returns the sum of its results.

    The session sees all companies, and the audit rows name the job.
    """

    async def work(item: UUID) -> int:
        async with database.write(PLATFORM, AuditContext(f"job:{due.job}")) as session:
            return await step(session, item)

    return await process_due(database, due, work)


async def process_batch(database: Database, due: DueItems, work: BatchWork) -> int:
    """Call `work` for all due items in one transaction; returns its result.

    When it fails, each item gets a transaction of its own, so that one does not stop the others.
    """
    items = await select_due(database, due)

    async def process(some: Sequence[UUID]) -> int:
        async with database.write(PLATFORM, AuditContext(f"job:{due.job}")) as session:
            return await work(session, some)

    try:
        count = await process(items) if items else 0
    except Exception:
        log.warning("%s failed for a batch: each item by itself now", due.job, exc_info=True)
        return await process_each(database, due.job, items, lambda item: process([item]))
    await _clear_failures(database, due.job, items)
    return count


async def process_each(
    database: Database,
    job: str,
    items: Collection[UUID],
    work: Work,
    *,
    max_concurrent: int = 1,
    item_timeout_seconds: float = ITEM_TIMEOUT_SECONDS,
) -> int:
    """Call `work` for every item; returns the sum of its results.

    The delay of a failed item doubles with each failure; after the tenth it is a dead letter until
    an operator retries it. A transient error is not counted: the item is retried at least every
    minute without a limit. Items that can't be started within START_SECONDS are left for later.
    """
    if not items:
        return 0
    async with database.read(PLATFORM) as session:
        failed_items = await job_status.read_failures(session, job, items)
    deadline = time.monotonic() + START_SECONDS
    slots = asyncio.Semaphore(max_concurrent)

    async def work_in_time(item: UUID) -> int:
        async with asyncio.timeout(item_timeout_seconds):
            return await work(item)

    async def process(item: UUID) -> int:
        key = UUID(str(item))
        async with slots:
            if failed_items.get(key, False) or time.monotonic() > deadline:
                return 0
            is_retry = key in failed_items
            return await _process_one(database, job, item, work_in_time, is_retry=is_retry)

    if max_concurrent == 1:
        return sum([await process(item) for item in items])
    return sum(await asyncio.gather(*map(process, items)))


async def _process_one(
    database: Database, job: str, item: UUID, work: Work, *, is_retry: bool
) -> int:
    """Process one item; returns 0 after a failure, which is recorded."""
    try:
        count = await work(item)
    except Exception as error:
        log.warning("%s failed for item %s", job, item, exc_info=True)
        await record_failure(database, job, item, error)
        return 0
    if is_retry:
        async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
            await job_status.clear_failure(session, job, item)
    return count


async def record_failure(database: Database, job: str, item: UUID, error: Exception) -> None:
    """Record the failure of an item; never raises, so that the other items have their turn."""
    message, transient = f"{type(error).__name__}: {error}", is_transient(error)
    try:
        async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
            if await job_status.record_failure(session, job, item, message, transient=transient):
                log.error("%s gives up on item %s: an operator has to retry it", job, item)
    except Exception:
        log.warning("the failure of %s for item %s is not recorded", job, item, exc_info=True)


async def _clear_failures(database: Database, job: str, items: Sequence[UUID]) -> None:
    """Forget the failures of items that succeeded, if there are any."""
    if not items:
        return
    async with database.read(PLATFORM) as session:
        failed_items = await job_status.read_failures(session, job, items)
    if failed_items:
        async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
            for item in failed_items:
                await job_status.clear_failure(session, job, item)
