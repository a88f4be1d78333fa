"""Receives goods in a store: adds good units to stock and batches, and sets damaged ones aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.message_text import number_text
from models.stock import (
    BatchRecall,
    BatchStatus,
    StockBatch,
    StockLevel,
    StockMovement,
    StockMovementReason,
)
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.text import code_form, parse_code, storable_text
from services.stock import batches
from services.stock.stock_rows import StockRows, ensure_and_lock
from services.stock.stock_writer import (
    MAX_ON_HAND_UNITS,
    MovementCause,
    publish_stock_changed,
    record_movement,
)
from services.stores.store_time import read_calendar_date

MAX_BATCH_CODE_LENGTH = 64
MAX_RECEIPT_UNITS = 100_000
DEFAULT_PATH = ["input", "lines"]
BatchKey = tuple[UUID, str]
"""A product and a batch code."""
# Receiving a batch and recalling it exclude each other, by product and batch code. Locks are taken
# in one order, or two transactions could wait for each other: batch codes first, then stock rows.
LOCK_BATCH_CODES = text(
    "select pg_advisory_xact_lock(key) from"
    " (select distinct hashtextextended(name, 0) as key from unnest(cast(:names as text[])) as name"
    " order by key) as keys"
)


@dataclass(frozen=True, slots=True)
class StockReceiptLine:
    """`quantity` good units of a product and `damaged` ones, of one batch or of no known batch.

    The code of a batch without one is its last day of sale.
    """

    product_id: UUID
    quantity: int
    batch_code: str | None = None
    sell_by_date: date | None = None
    damaged: int = 0

    @property
    def code(self) -> str | None:
        if self.batch_code is None and self.sell_by_date is not None:
            return self.sell_by_date.isoformat()
        return self.batch_code


@dataclass(frozen=True, slots=True)
class _LockedLine:
    """A line with its locked stock row and its batch."""

    line: StockReceiptLine
    row: StockLevel
    batch: StockBatch | None


async def receive(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Sequence[StockReceiptLine],
    reason: StockMovementReason,
    reference: str,
    actor_id: UUID | None,
    path: Sequence[str] = DEFAULT_PATH,
    sets_expired_aside: bool = False,
) -> list[StockMovement]:
    """Add good units to on_hand and damaged ones to damaged; returns a ledger row for each line.

    Units of a recalled batch are set aside. So are those whose last day of sale is over, with
    `sets_expired_aside`: for units that the company owns already, such as those of a transfer that
    took too long, or of a sale that is taken back; of others that day is refused. Where the store
    has their batch with another day, the earlier one holds for all its units.
    Raises DomainError, each at `path`.<position>: NotFound for a product of another company,
    InvalidInput for quantities, codes and days that are invalid.
    """
    await lock_batches(session, lines)
    return await receive_locked(
        session, company_id=company_id, store_id=store_id, lines=lines, reason=reason,
        reference=reference, actor_id=actor_id, path=path, sets_expired_aside=sets_expired_aside,
    )  # fmt: skip


async def receive_locked(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Sequence[StockReceiptLine],
    reason: StockMovementReason,
    reference: str,
    actor_id: UUID | None,
    path: Sequence[str] = DEFAULT_PATH,
    sets_expired_aside: bool = False,
) -> list[StockMovement]:
    """As `receive`, for a caller that has locked the batches of the lines, then stock rows."""
    today = await read_calendar_date(session, store_id)
    lines = _validated(lines, date.min if sets_expired_aside else today, path)
    product_ids = {line.product_id for line in lines}
    rows = await ensure_and_lock(session, company_id, store_id, product_ids)
    for position, line in enumerate(lines):
        if line.product_id not in rows:
            raise not_found(Product, *path[1:], str(position), "productId")
    locked_lines = await _with_batches(session, lines, rows, path, sets_expired_aside)
    _expire_batches(locked_lines, today)
    cause = MovementCause(reason, reference, actor_id)
    entries = [_add(session, each, cause, path, n) for n, each in enumerate(locked_lines)]
    _set_aside_unsellable(session, locked_lines, cause)
    await session.flush()
    publish_stock_changed(session, rows.values())
    return entries


async def lock_batches(session: AsyncSession, lines: Sequence[StockReceiptLine]) -> None:
    """Lock the batch codes of receipt lines; always before the first stock row is locked."""
    keys = [
        (line.product_id, storable_text(code_form(line.code), MAX_BATCH_CODE_LENGTH))
        for line in lines
        if line.code
    ]
    await lock_batch_codes(session, keys)


async def lock_batch_codes(session: AsyncSession, keys: Collection[BatchKey]) -> None:
    """Lock batch codes of products, existing or not, until the end of the transaction."""
    if keys:
        names = [f"{product_id}/{code}" for product_id, code in keys]
        await session.execute(LOCK_BATCH_CODES, {"names": names})


def _validated(
    lines: Sequence[StockReceiptLine], first_day: date, path: Sequence[str]
) -> list[StockReceiptLine]:
    """The lines with normalized batch codes; raises all problems of all lines at once.

    Good units may be sold until `first_day` or longer.
    """
    problems: list[Problem] = []
    validated: list[StockReceiptLine] = []
    for position, line in enumerate(lines):
        line_path = (*path, str(position))
        for name, units in (("quantity", line.quantity), ("damaged", line.damaged)):
            if not 0 <= units <= MAX_RECEIPT_UNITS:
                message = f"A quantity is from 0 to {number_text(MAX_RECEIPT_UNITS)} units."
                problems.append(_invalid(line_path, name, message))
        if not line.quantity and not line.damaged:
            problems.append(_invalid(line_path, "quantity", "At least 1 unit."))
        if line.quantity and line.sell_by_date is not None and line.sell_by_date < first_day:
            message = f"That day is over: it is {first_day}."
            problems.append(_invalid(line_path, "sellByDate", message))
        code = line.code
        if code is not None:
            try:
                code = parse_code(code, *line_path, "batchCode", max_length=MAX_BATCH_CODE_LENGTH)
            except DomainError as error:
                problems += error.problems
        validated.append(
            StockReceiptLine(line.product_id, line.quantity, code, line.sell_by_date, line.damaged)
        )
    if problems:
        raise DomainError(*problems)
    return validated


async def _with_batches(
    session: AsyncSession,
    lines: Sequence[StockReceiptLine],
    rows: StockRows,
    path: Sequence[str],
    keeps_earlier_day: bool,
) -> list[_LockedLine]:
    """Each line with its row and its batch; batches that are new in the store are created."""
    coded = [line for line in lines if line.code]
    known = await _load_batches(session, coded, rows) if coded else {}
    recalled = await _recalled_keys(session, coded) if coded else set()
    locked_lines = []
    for position, line in enumerate(lines):
        row, batch = rows[line.product_id], None
        if line.code:
            key = (line.product_id, line.code)
            batch = known.get(key)
            if batch is None:
                batch = known[key] = _new_batch(row, line)
                session.add(batch)
            elif line.sell_by_date is not None and keeps_earlier_day:
                batch.sell_by_date = min(batch.sell_by_date or line.sell_by_date, line.sell_by_date)
            elif line.sell_by_date not in (None, batch.sell_by_date):
                message = f"Batch {line.code} expires on {batch.sell_by_date or 'no day'}."
                raise DomainError(_invalid((*path, str(position)), "sellByDate", message))
            if key in recalled:
                batches.MACHINE.set_status(batch, BatchStatus.RECALLED)
        locked_lines.append(_LockedLine(line, row, batch))
    await session.flush()  # ledger rows have a foreign key to their batch
    return locked_lines


def _new_batch(row: StockLevel, line: StockReceiptLine) -> StockBatch:
    return StockBatch(
        company_id=row.company_id,
        store_id=row.store_id,
        product_id=row.product_id,
        code=line.code,
        sell_by_date=line.sell_by_date,
        on_hand=0,
        unsellable=0,
        status=BatchStatus.OPEN,
    )


async def _load_batches(
    session: AsyncSession, coded: Sequence[StockReceiptLine], rows: StockRows
) -> dict[BatchKey, StockBatch]:
    store_id = rows[coded[0].product_id].store_id
    keys = [(StockBatch.product_id == line.product_id) & (StockBatch.code == line.code)
            for line in coded]  # fmt: skip
    stored = await session.scalars(
        select(StockBatch)
        .where(StockBatch.store_id == store_id, or_(*keys))
        .execution_options(populate_existing=True)
    )
    return {(batch.product_id, batch.code): batch for batch in stored}


async def _recalled_keys(session: AsyncSession, coded: Sequence[StockReceiptLine]) -> set[BatchKey]:
    keys = [
        and_(BatchRecall.product_id == line.product_id, BatchRecall.batch_code == line.code)
        for line in coded
    ]
    recalls = await session.execute(
        select(BatchRecall.product_id, BatchRecall.batch_code).where(or_(*keys))
    )
    return {(product_id, code) for product_id, code in recalls}


def _add(
    session: AsyncSession,
    locked: _LockedLine,
    cause: MovementCause,
    path: Sequence[str],
    position: int,
) -> StockMovement:
    line, row = locked.line, locked.row
    if max(row.on_hand + line.quantity, row.unsellable + line.damaged) > MAX_ON_HAND_UNITS:
        message = f"A store has at most {number_text(MAX_ON_HAND_UNITS)} units of a product."
        raise DomainError(_invalid((*path, str(position)), "quantity", message))
    return record_movement(
        session, row, cause, line.quantity, unsellable_delta=line.damaged, batch=locked.batch,
        batch_delta=0 if locked.batch is None else line.quantity,
    )  # fmt: skip


def _expire_batches(locked_lines: Sequence[_LockedLine], today: date) -> None:
    """Mark the batches of good units whose last day of sale is over."""
    for locked in locked_lines:
        batch = locked.batch
        if batch is None or batch.sell_by_date is None or not locked.line.quantity:
            continue
        if batch.sell_by_date < today and batch.status is BatchStatus.OPEN:
            batches.MACHINE.set_status(batch, BatchStatus.EXPIRED)


def _set_aside_unsellable(
    session: AsyncSession, locked_lines: Sequence[_LockedLine], cause: MovementCause
) -> None:
    """Set received units of unsellable batches aside."""
    received = {(locked.row, locked.batch) for locked in locked_lines if locked.batch is not None}
    for row, batch in received:
        batches.set_aside(session, row, [batch], cause)


def _invalid(line_path: Sequence[str], field: str, message: str) -> InvalidInput:
    return InvalidInput(path=[*line_path, field], message=message)
