"""Processes items one after another and retries each failed item with increasing delays."""

import logging
from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

from sqlalchemy.exc import InterfaceError, OperationalError

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentUnavailable
from services.operations import job_status

log = logging.getLogger("darkstore.jobs")

# Errors of an unreachable service: they end without an operator.
TRANSIENT_ERRORS = (PaymentUnavailable, OperationalError, InterfaceError, TimeoutError, OSError)
Work = Callable[[UUID], Awaitable[int]]


async def process_each(database: Database, job: str, items: Collection[UUID], work: Work) -> int:
    """Call `work` for every item; returns the sum of its results.

    A failed item does not stop the others. Its delay doubles with each failure; after the tenth it
    is a dead letter until an operator retries it. An item that fails with a transient error is
    retried every minute without a limit.
    """
    if not items:
        return 0
    async with database.read(PLATFORM) as session:
        failed_items = await job_status.read_failures(session, job, items)
    total = 0
    for item in items:
        key = UUID(str(item))
        if not failed_items.get(key, False):
            total += await _process_one(database, job, item, work, is_retry=key in failed_items)
    return total


async def _process_one(
    database: Database, job: str, item: UUID, work: Work, *, is_retry: bool = False
) -> int:
    """Process one item; returns 0 after a failure, which is recorded."""
    try:
        count = await work(item)
    except Exception as error:
        log.warning("%s failed for item %s", job, item, exc_info=True)
        message = f"{type(error).__name__}: {error}"
        transient = isinstance(error, TRANSIENT_ERRORS)
        async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
            if await job_status.record_failure(session, job, item, message, transient=transient):
                log.error("%s gives up on item %s: an operator has to retry it", job, item)
        return 0
    if is_retry:
        async with database.write(PLATFORM, AuditContext(f"job:{job}")) as session:
            await job_status.clear_failure(session, job, item)
    return count
