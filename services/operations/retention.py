"""Deletes rows after their period, in batches, so that no statement runs long.

Rows that somebody works with are locked: they are skipped and have their turn later.
"""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Base, first_uuid7_at
from services.core.clock import current_time
from services.operations import job_cursors
from services.operations.job_cursors import store_cursor
from services.operations.retention_rules import (
    DAY_SECONDS,
    RetentionPeriods,
    RetentionRule,
    Scan,
)

BATCH_ROWS = 500
SLICE_ROWS = 5_000
AUDIT_CURSOR = "audit_entry.mask"
FIRST_UUID = UUID(int=0)

MASK_AUDIT_ENTRIES = text("select audit_entries_mask(:after, :until, :most, :kept)")
DELETE_AUDIT_ENTRIES = text("select audit_entries_forget(:until, :most)")


async def delete_batch(
    session: AsyncSession, rule: RetentionRule, periods: RetentionPeriods
) -> tuple[int, bool]:
    """Delete the next old rows of a table; returns how many, and whether there may be more."""
    before = await current_time(session, -rule.period_days(periods) * DAY_SECONDS)
    statement = delete_statement(rule)
    parameters: dict[str, Any] = {"before": before}
    if rule.scan is Scan.KEY_TIME:
        parameters["first_key"] = first_uuid7_at(before.timestamp())
    if rule.scan is not Scan.WALK:
        count = await _count_deleted(session, statement, parameters)
        return count, count == BATCH_ROWS
    name = f"{rule.table}.retention"
    start: UUID | str = FIRST_UUID if _has_uuid_key(rule) else ""
    after = await _lock_cursor(session, name, start)
    last = await session.scalar(text(_slice_end(rule)), {"after": after, "most": SLICE_ROWS})
    if last is None:
        await store_cursor(session, name, str(start))
        return 0, False
    parameters |= {"after": after, "last": last}
    count = await _count_deleted(session, statement, parameters)
    await store_cursor(session, name, str(last))
    return count, True


async def mask_audit_entries(session: AsyncSession, periods: RetentionPeriods) -> tuple[int, bool]:
    """Remove personal data from the next old audit rows; returns 0, and whether there are more."""
    until = await _first_key(session, periods.audit_personal_days)
    after = await _lock_cursor(session, AUDIT_CURSOR, FIRST_UUID)
    parameters = {"after": after, "until": until, "most": BATCH_ROWS, "kept": _enum_columns()}
    last = await session.scalar(MASK_AUDIT_ENTRIES, parameters)
    if last is None:
        return 0, False
    await store_cursor(session, AUDIT_CURSOR, str(last))
    return 0, True


async def delete_audit_entries(
    session: AsyncSession, periods: RetentionPeriods
) -> tuple[int, bool]:
    """Delete the oldest audit rows; returns how many, and whether there may be more."""
    until = await _first_key(session, periods.audit_days)
    parameters = {"until": until, "most": BATCH_ROWS}
    count = int(await session.scalar(DELETE_AUDIT_ENTRIES, parameters) or 0)
    return count, count == BATCH_ROWS


def delete_statement(rule: RetentionRule) -> str:
    """The statement that deletes a batch of old rows, and the rows of the children with them.

    Parameters: `before`; `first_key` or the slice `after` to `last`, as the rule's scan has them.
    """
    condition = rule.condition
    limit = BATCH_ROWS
    if rule.scan is Scan.KEY_TIME:
        condition = f"{rule.key} < cast(:first_key as uuid) and ({condition})"
    elif rule.scan is Scan.WALK:
        condition = f"{rule.key} > :after and {rule.key} <= :last and ({condition})"
        limit = SLICE_ROWS
    old = (
        f"select {rule.key} as key from {rule.table} where {condition}"  # noqa: S608 - of constants
        f" limit {limit} for update skip locked"
    )
    keys = "any (array(select key from old))"
    children = "".join(
        f", of_{table} as (delete from {table} where {column} = {keys})"  # noqa: S608 - of constants
        for table, column in rule.children.items()
    )
    main = f"delete from {rule.table} where {rule.key} = {keys} returning 1"  # noqa: S608 - of constants
    return f"with old as ({old}){children} {main}".replace(
        ":before", "cast(:before as timestamptz)"
    )


def _slice_end(rule: RetentionRule) -> str:
    key = rule.key
    return (
        f"select key from (select {key} as key from {rule.table} where {key} > :after"  # noqa: S608 - of constants
        f" order by {key} limit :most) as slice order by key desc limit 1"
    )


async def _count_deleted(session: AsyncSession, statement: str, parameters: dict[str, Any]) -> int:
    needed = {name: value for name, value in parameters.items() if f":{name}" in statement}
    return len((await session.execute(text(statement), needed)).all())


async def _lock_cursor(session: AsyncSession, name: str, start: UUID | str) -> UUID | str:
    """Where the last run stopped; no other process walks the same table meanwhile."""
    position = await job_cursors.lock_cursor(session, name, str(start))
    return UUID(position) if isinstance(start, UUID) else position


async def _first_key(session: AsyncSession, days: float) -> UUID:
    return first_uuid7_at((await current_time(session, -days * DAY_SECONDS)).timestamp())


def _has_uuid_key(rule: RetentionRule) -> bool:
    return isinstance(Base.metadata.tables[rule.table].c[rule.key].type, Uuid)


@cache
def _enum_columns() -> list[str]:
    """The columns of enums as `table.column`: their values say nothing about a person."""
    return [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Enum)
    ]
