"""Rows of an import onto the shelves: set-based, under lock, each change with its ledger entry."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.types import Boolean, Integer, Text, Uuid

from models.imports import ErrorPolicy, ImportMode, StockImport
from models.stock import Stock, StockReason
from services.stock import batches, stock_rows
from services.stock.row_edits import shift

ON_HAND_UNITS = 1_000_000
EVENT_CHANGES = 100


@dataclass(frozen=True, slots=True)
class Applied:
    """How many rows were applied, up to which line; whether others may follow."""

    rows: int
    place_rows: int
    more: bool


# What the statements share: the rows of this turn, the shelf of each, and what it comes to.
SHARED = {
    "@good": "r.import_id = :import and r.fault is null and r.number > :low and r.number <= :high",
    "@here": "s.store_id = r.store_id and s.product_id = r.product_id",
    "@target": "case when :adds then s.on_hand + r.units else r.units end",
    "@most_units": str(ON_HAND_UNITS),
    "@reason": f"'{StockReason.IMPORT}'",
    "@batched": "exists (select from stock_batch b where b.store_id = s.store_id"
    " and b.product_id = s.product_id and b.on_hand > 0)",
    # A time-ordered key (RFC 9562, version 7) for each entry: milliseconds before random bits.
    "@key": """encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(
        int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
    ) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid""",
}
KINDS: dict[str, Any] = {
    "import": Uuid, "company": Uuid, "actor": Uuid, "low": Integer, "high": Integer,
    "adds": Boolean, "most": Integer, "reference": Text,
}  # fmt: skip


def _statement(sql: str) -> Any:
    for name, part in SHARED.items():
        sql = sql.replace(name, part)
    used = [name for name in KINDS if re.search(f":{name}\\b", sql)]
    return text(sql).bindparams(*(bindparam(name, type_=KINDS[name]) for name in used))


REACH = _statement(
    """
    select max(number), count(*) from (
        select number from stock_import_row r
        where import_id = :import and fault is null and number > :low
        order by number limit cast(:most as integer)
    ) as chosen
    """
)
MAKE = _statement(
    """
    insert into stock (store_id, product_id, company_id, on_hand, held, damaged, incoming, version)
    select r.store_id, r.product_id, :company, 0, 0, 0, 0, 1 from stock_import_row r
    where @good and not exists (select from stock s where @here)
    order by 1, 2 on conflict do nothing
    """
)
LOCK = _statement(
    """
    select count(*) from (
        select 1 from stock s join stock_import_row r on @here
        where @good order by s.store_id, s.product_id for no key update of s
    ) as locked
    """
)
REFUSE = _statement(
    """
    update stock_import_row r set
        fault = case when @target > @most_units then 'TOO_MANY' else 'BELOW_HELD' end,
        field = 'quantity',
        message = case
            when @target > @most_units then 'A shelf holds at most @most_units units.'
            else 'There are ' || s.on_hand || ', of which ' || s.held || ' are promised.' end
    from stock s
    where @good and @here and (@target < s.held or @target > @most_units)
    """
)
BY_BATCH = _statement(
    """
    select s.store_id, s.product_id, @target - s.on_hand as delta
    from stock s join stock_import_row r on @here
    where @good and @target < s.on_hand and @batched
    """
)
APPLY = _statement(
    """
    with moved as (
        select s.store_id, s.product_id, @target as target, @target - s.on_hand as delta
        from stock s join stock_import_row r on @here
        where @good and @target <> s.on_hand and (@target > s.on_hand or not @batched)
    ), changed as (
        update stock s set on_hand = moved.target, version = s.version + 1
        from moved where s.store_id = moved.store_id and s.product_id = moved.product_id
        returning s.*, moved.delta
    ), noted as (
        insert into stock_entry (id, company_id, store_id, product_id, delta, damaged_delta,
            incoming_delta, batch_delta, reason, reference, actor_id)
        select @key, company_id, store_id, product_id, delta, 0, 0, 0,
            @reason, :reference, :actor
        from changed
    )
    select store_id, product_id, company_id, on_hand, held, damaged, incoming, version from changed
    """
)


async def apply(
    session: AsyncSession, row: StockImport, low: int, most: int | None
) -> Applied | None:
    """Apply the good rows beyond line `low`, at most so many; None when a bad one stops them all.

    Rows whose shelf would fall below what is promised, or rise above what it holds, are bad too:
    that is seen here, under the shelves' locks.
    """
    high, count = (await session.execute(REACH, {"import": row.id, "low": low, "most": most})).one()
    if not count:
        return Applied(0, low, False)
    given = {"import": row.id, "low": low, "high": high}
    adding = {**given, "adds": row.mode is ImportMode.ADD}
    await session.execute(MAKE, {**given, "company": row.company_id})
    await session.execute(LOCK, given)
    refused = (await session.execute(REFUSE, adding)).rowcount  # type: ignore[attr-defined] # an update has one
    if refused and row.on_error is ErrorPolicy.ALL_OR_NOTHING:
        return None
    moved = await _by_batch(session, row, adding)
    whose = {"reference": str(row.id), "actor": row.started_by_id}
    for found in (await session.execute(APPLY, {**adding, **whose})).mappings():
        moved[found["store_id"]].append(Stock(**found))
    for shelf in moved.values():
        for start in range(0, len(shelf), EVENT_CHANGES):
            stock_rows.announce(session, shelf[start : start + EVENT_CHANGES])
    return Applied(count - refused, high, most is not None and count == most)


async def _by_batch(
    session: AsyncSession, row: StockImport, adding: Mapping[str, Any]
) -> dict[UUID, list[Stock]]:
    """Take units off shelves with batches, the first to expire first; answers those shelves."""
    moved: dict[UUID, list[Stock]] = defaultdict(list)
    deltas: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for store_id, product_id, delta in await session.execute(BY_BATCH, adding):
        deltas[store_id][product_id] = delta
    cause = stock_rows.Cause(StockReason.IMPORT, str(row.id), row.started_by_id)
    for store_id, fewer in deltas.items():
        keys: Sequence[UUID] = list(fewer)
        shelf = (await stock_rows.lock(session, [store_id], keys))[store_id]
        there = await batches.on_shelf(session, store_id, keys)
        for product_id, delta in fewer.items():
            shift(session, shelf[product_id], there.get(product_id, []), delta, cause)
        moved[store_id] += shelf.values()
    await session.flush()
    return moved
