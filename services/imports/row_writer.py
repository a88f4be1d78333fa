"""Applies rows of an import to stock: set-based statements under the locks of the stock rows."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.types import Boolean, DateTime, Integer, Text, Uuid

from models.imports import ErrorPolicy, StockImport, StockImportMode
from models.stock import StockMovementReason
from services.stock import batches
from services.stock.corrections import IS_CORRECTION, first_key_since
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import (
    MAX_ON_HAND_UNITS,
    MovementCause,
    create_missing_sql,
    publish_stock_changed,
    set_on_hand_sql,
)

MAX_EVENT_CHANGES = 100


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How many rows were applied, up to which line, and whether others may follow."""

    rows: int
    place_rows: int
    more: bool


# The new on_hand. A total is one of a moment: goods that have moved since then, such as sold ones,
# are added to it, while corrections since then are replaced. The keys of the ledger are in the
# order of time, so only its newest rows are read. (`offset 0`: computed once for each row.)
_TARGET = f"""cross join lateral (
        select case when :adds then s.on_hand + r.units else r.units + coalesce((
            select sum(e.on_hand_delta) from stock_entry e
            where e.store_id = s.store_id and e.product_id = s.product_id and e.id > :since
                and e.occurred_at > :as_of and not {IS_CORRECTION}), 0) end as target offset 0
    ) wanted"""  # noqa: S608 - constants within another
# Parts shared by the statements: the valid rows of a step, their stock rows, and the new on_hand.
SHARED = {
    "@valid": "r.import_id = :import and r.code is null and r.number > :low and r.number <= :high",
    "@of_row": "s.store_id = r.store_id and s.product_id = r.product_id",
    "@with_target": _TARGET,
    "@target": "wanted.target",
    "@max_units": str(MAX_ON_HAND_UNITS),
    "@has_batches": "exists (select from stock_batch b where b.store_id = s.store_id"
    " and b.product_id = s.product_id and b.on_hand > 0)",
}
PARAMETER_TYPES: dict[str, Any] = {
    "import": Uuid, "company": Uuid, "actor": Uuid, "low": Integer, "high": Integer,
    "adds": Boolean, "limit": Integer, "reference": Text, "since": Uuid,
    "as_of": DateTime(timezone=True),
}  # fmt: skip


def _statement(sql: str) -> Any:
    for name, part in SHARED.items():
        sql = sql.replace(name, part)
    used = [name for name in PARAMETER_TYPES if re.search(f":{name}\\b", sql)]
    return text(sql).bindparams(*(bindparam(name, type_=PARAMETER_TYPES[name]) for name in used))


RANGE_OF_STEP = _statement(
    """
    select max(number), count(*) from (
        select number from stock_import_row r
        where import_id = :import and code is null and number > :low
        order by number limit cast(:limit as integer)
    ) as rows_of_step
    """
)
CREATE_MISSING = _statement(
    create_missing_sql(
        """
        select r.store_id, r.product_id, :company as company_id from stock_import_row r
        where @valid and not exists (select from stock s where @of_row)
        """
    )
)
LOCK = _statement(
    """
    select count(*) from (
        select 1 from stock s join stock_import_row r on @of_row
        where @valid order by s.store_id, s.product_id for no key update of s
    ) as locked
    """
)
REJECT = _statement(
    """
    update stock_import_row bad set
        code = case when @target > @max_units then 'TOO_MANY' else 'BELOW_RESERVED' end,
        field = 'quantity',
        message = case
            when @target > @max_units then 'A store has at most @max_units units of a product.'
            else @target || ' units would be left, and '
                || s.reserved || ' are reserved.' end
    from stock_import_row r join stock s on @of_row @with_target
    where @valid and bad.import_id = r.import_id and bad.number = r.number
        and (@target < s.reserved or @target > @max_units)
    """
)
DECREASES_WITH_BATCHES = _statement(
    """
    select s.store_id, s.product_id, @target - s.on_hand as delta
    from stock s join stock_import_row r on @of_row @with_target
    where @valid and @target < s.on_hand and @has_batches
    """
)
SET_ON_HAND = _statement(
    set_on_hand_sql(
        """
        select s.store_id, s.product_id, @target as target, @target - s.on_hand as delta
        from stock s join stock_import_row r on @of_row @with_target
        where @valid and @target <> s.on_hand and (@target > s.on_hand or not @has_batches)
        """,
        StockMovementReason.IMPORT,
    )
)


async def apply_rows(
    session: AsyncSession, row: StockImport, low: int, limit: int | None
) -> ApplyResult | None:
    """Apply the valid rows beyond line `low`, at most `limit`; None if an invalid row stops all.

    Rows that would set on_hand below the reserved units or above the maximum are found here, under
    the locks of the stock rows, and marked as invalid.
    """
    step = {"import": row.id, "low": low, "limit": limit}
    high, count = (await session.execute(RANGE_OF_STEP, step)).one()
    if not count:
        return ApplyResult(0, low, False)
    rows = {"import": row.id, "low": low, "high": high}
    targets: dict[str, Any] = {**rows, "adds": row.mode is StockImportMode.ADD, "as_of": row.as_of}
    targets["since"] = first_key_since(row.as_of)
    await session.execute(CREATE_MISSING, {**rows, "company": row.company_id})
    await session.execute(LOCK, rows)
    rejected = (await session.execute(REJECT, targets)).rowcount  # type: ignore[attr-defined] # an update has one
    if rejected and row.error_policy is ErrorPolicy.ALL_OR_NOTHING:
        return None
    changed = await _decrease_with_batches(session, row, targets)
    cause = {"reference": str(row.id), "actor": row.started_by_id}
    for stock_row in await session.execute(SET_ON_HAND, {**targets, **cause}):
        changed[stock_row.store_id].append(stock_row)
    for stock_rows in changed.values():
        for start in range(0, len(stock_rows), MAX_EVENT_CHANGES):
            publish_stock_changed(session, stock_rows[start : start + MAX_EVENT_CHANGES])
    return ApplyResult(count - rejected, high, limit is not None and count == limit)


async def _decrease_with_batches(
    session: AsyncSession, row: StockImport, targets: Mapping[str, Any]
) -> dict[UUID, list[Any]]:
    """Decrease on_hand of products with batches, first expired first out; the rows by store."""
    changed: dict[UUID, list[Any]] = defaultdict(list)
    deltas: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for store_id, product_id, delta in await session.execute(DECREASES_WITH_BATCHES, targets):
        deltas[store_id][product_id] = delta
    cause = MovementCause(StockMovementReason.IMPORT, str(row.id), row.started_by_id)
    for store_id, delta_by_product in deltas.items():
        keys: Sequence[UUID] = list(delta_by_product)
        rows = (await lock_rows(session, [store_id], keys))[store_id]
        in_stock = await batches.load_in_stock(session, store_id, keys)
        for product_id, delta in delta_by_product.items():
            product_batches = in_stock.get(product_id, [])
            batches.change_on_hand(session, rows[product_id], product_batches, delta, cause)
        changed[store_id] += rows.values()
    await session.flush()
    return changed
