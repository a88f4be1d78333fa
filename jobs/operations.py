"""Job that deletes, or masks, what is past its period, table by table."""

import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from services.operations import recipient_retention, retention
from services.operations.recipient_retention import MASKS, MaskRule
from services.operations.retention_rules import RULES, RetentionPeriods, RetentionRule

log = logging.getLogger("darkstore.jobs")

JOB = "retention.delete_old"
SECONDS_PER_TABLE = 2.0
DeleteBatch = Callable[[AsyncSession, RetentionPeriods], Awaitable[tuple[int, bool]]]


def _steps() -> dict[str, DeleteBatch]:
    """What is done to each table."""

    def delete_by(rule: RetentionRule) -> DeleteBatch:
        return lambda session, periods: retention.delete_batch(session, rule, periods)

    def mask_by(rule: MaskRule) -> DeleteBatch:
        return lambda session, periods: recipient_retention.mask_batch(session, rule, periods)

    return {
        **{rule.table: delete_by(rule) for rule in RULES},
        **{rule.name: mask_by(rule) for rule in MASKS},
        "audit_entry": retention.delete_audit_entries,
        "audit_entry.mask": retention.mask_audit_entries,
    }


STEPS = _steps()
STEP_KEYS: dict[UUID, str] = {uuid5(NAMESPACE_OID, f"{JOB}/{name}"): name for name in STEPS}
"""The keys by which failures of a table are listed and retried."""


async def delete_old_rows(database: Database, periods: RetentionPeriods) -> int:
    """Delete what is past its period, some batches of each table; returns how many rows.

    The order of the tables changes, so that one with much to delete holds up no other.
    """
    keys = random.sample(list(STEP_KEYS), len(STEP_KEYS))
    return await process_each(database, JOB, keys, partial(_delete_of, database, periods))


async def _delete_of(database: Database, periods: RetentionPeriods, key: UUID) -> int:
    name, total, has_more = STEP_KEYS[key], 0, True
    deadline = time.monotonic() + SECONDS_PER_TABLE
    while has_more and time.monotonic() < deadline:
        async with database.write(PLATFORM, AuditContext(f"job:{JOB}")) as session:
            count, has_more = await STEPS[name](session, periods)
        total += count
    if total:
        log.info("%s deleted or masked %d rows of %s", JOB, total, name)
    return total
