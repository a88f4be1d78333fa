"""Steps of an import: each is one short transaction and leaves the rest to the next step.

QUEUED → READING: a chunk of the file is parsed into rows. CHECKING: stores and products of the rows
are resolved. APPLYING: rows are applied to stock, a thousand at a time (SKIP_INVALID) or all in one
transaction (ALL_OR_NOTHING). A step commits its work and its progress together, so a worker that
crashes leaves no partial step, and another one continues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.types import Integer, Text, Uuid

from models.imports import (
    ErrorPolicy,
    StockImport,
    StockImportFile,
    StockImportRow,
    StockImportStatus,
)
from models.message_text import count_text, number_text, words_text
from services.core.clock import current_time
from services.imports.damaged_codes import find_lost_zeros
from services.imports.file_reader import ImportRow, detect_layout, parse_chunk
from services.imports.row_writer import apply_rows
from services.imports.stock_imports import FINAL_STATUSES, MACHINE, record_change

CHUNK_BYTES = 512 * 1024
MAX_ROWS = 200_000
MAX_ATOMIC_ROWS = 60_000  # one transaction must finish within STEP_TIMEOUT_SECONDS
CHUNK_ROWS = 1_000
MAX_ATTEMPTS = 5
STEP_TIMEOUT_SECONDS = 20
# A generic plan is slow for a long file. Until autovacuum has analyzed the new rows, the planner
# expects few of them and would choose nested loops.
CONFIGURE_STEP = text(
    f"""
    select set_config('statement_timeout', '{STEP_TIMEOUT_SECONDS}s', true),
        set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('enable_nestloop', 'off', true)
    """
)

INSERT = text(
    """
    insert into stock_import_row (import_id, company_id, number, store, product, quantity, units,
        code, field, message)
    select :import, :company, * from unnest(
        :numbers, :stores, :products, :quantities, :units, :faults, :fields, :messages)
    """
).bindparams(
    *(bindparam(name, type_=Uuid) for name in ("import", "company")),
    *(bindparam(name, type_=ARRAY(Integer)) for name in ("numbers", "units")),
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("stores", "products", "quantities", "faults", "fields", "messages")
    ),
)

# Resolves stores and products, and finds the first problem of each row: an unknown store (or one
# that the importer does not manage), an unknown product or a code of several, a repeated store and
# product.
CHECK = text(
    """
    with upc_e as materialized (
        select r.number, c.value, c.product_id
        from stock_import_row r
        join product_code c on c.company_id = :company
            and c.value = upc_e_product_code(r.product)
        where r.import_id = :import and r.code is null and r.product ~ '^([0-9]{6}|[0-9]{8})$'
    ), resolved as (
        select r.number, s.id as store_id,
            coalesce(c.value, u.value) is not null as known,
            case when c.product_id = u.product_id or c.value is null or u.value is null
                then coalesce(c.product_id, u.product_id) end as product_id
        from stock_import_row r
        left join store s on s.company_id = :company and s.code = r.store
            and (cast(:stores as uuid[]) is null or s.id = any (:stores))
        left join product_code c on c.company_id = :company
            and c.value = canonical_product_code(r.product)
        left join upc_e u on u.number = r.number
        where r.import_id = :import and r.code is null
    ), ranked as (
        select *, min(number) over (partition by store_id, product_id) as first from resolved
    )
    update stock_import_row r set
        store_id = k.store_id,
        product_id = k.product_id,
        code = case
            when k.store_id is null then 'UNKNOWN_STORE'
            when k.product_id is null and r.message <> '' and not k.known
                then 'DAMAGED'
            when k.product_id is null then 'UNKNOWN_PRODUCT'
            when k.first < r.number then 'REPEATED' end,
        field = case
            when k.store_id is null then 'store'
            when k.product_id is null or k.first < r.number then 'product' else '' end,
        message = case
            when k.store_id is null then 'There is no such store among those you manage.'
            when k.product_id is null and k.known
                then 'Several products have this code: use another one.'
            when k.product_id is null and r.message <> '' then r.message
            when k.product_id is null then 'There is no product with this code or barcode.'
            when k.first < r.number then 'Line ' || k.first || ' sets this stock already.'
            else '' end
    from ranked k
    where r.import_id = :import and r.number = k.number
    """
).bindparams(
    bindparam("import", type_=Uuid),
    bindparam("company", type_=Uuid),
    bindparam("stores", type_=ARRAY(Uuid)),
)

UNFINISHED_IMPORTS = (
    select(StockImport.id)
    .where(text("status not in ('COMPLETED','FAILED')"))
    .order_by(StockImport.id)
)
"""The imports that are not finished, the oldest first."""


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """The chunk of a file that the next step of an import needs."""

    upload_id: UUID
    offset_bytes: int
    max_bytes: int = CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class FileChunk:
    """A chunk of a file and its offset; `last` marks the end of the file."""

    offset_bytes: int
    data: bytes
    last: bool


async def next_chunk(session: AsyncSession, import_id: UUID) -> ChunkRequest | None:
    """The chunk to fetch before the transaction of the next step; None if it needs none."""
    row = await session.get(StockImport, import_id)
    if row is None or row.status not in (StockImportStatus.QUEUED, StockImportStatus.READING):
        return None
    return ChunkRequest(row.upload_id, row.place_bytes)


async def run_step(session: AsyncSession, import_id: UUID, chunk: FileChunk | None) -> bool:
    """Do the next step of an import; False if it is finished or another worker has its lock."""
    locked = select(StockImport).where(StockImport.id == import_id)
    row = await session.scalar(
        locked.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )
    if row is None or row.status in FINAL_STATUSES:
        return False
    await session.execute(CONFIGURE_STEP)
    match row.status:
        case StockImportStatus.QUEUED | StockImportStatus.READING:
            if chunk is None or chunk.offset_bytes != row.place_bytes:
                return False
            await _read(session, row, chunk)
        case StockImportStatus.CHECKING:
            await _check(session, row)
        case _:
            await _apply(session, row)
    row.tries = 0
    await session.flush()
    record_change(session, row)
    return row.status not in FINAL_STATUSES


async def _read(session: AsyncSession, row: StockImport, chunk: FileChunk) -> None:
    upload = await session.get_one(StockImportFile, row.upload_id)
    layout = detect_layout(upload.head, upload.size_bytes, row.format)
    parsed = parse_chunk(chunk.data, chunk.last, row.place_lines, layout, row.mode)
    rows = parsed.rows
    await _insert_rows(session, row, rows)
    MACHINE.set_status(row, StockImportStatus.READING)
    row.place_bytes += parsed.size_bytes
    row.place_lines += parsed.line_count
    row.row_count += len(rows)
    row.failed_row_count += sum(each.fault is not None for each in rows)
    limit = MAX_ATOMIC_ROWS if row.error_policy is ErrorPolicy.ALL_OR_NOTHING else MAX_ROWS
    if row.row_count > limit:
        policy, rows_text = words_text(row.error_policy), count_text(limit, "row")
        message = f'With "{policy}" a file has at most {rows_text}: split it.'
        await fail(session, row, message)
    elif chunk.last:
        MACHINE.set_status(row, StockImportStatus.CHECKING)


async def _insert_rows(session: AsyncSession, row: StockImport, rows: Sequence[ImportRow]) -> None:
    if not rows:
        return
    await session.execute(
        INSERT,
        {
            "import": row.id,
            "company": row.company_id,
            "numbers": [each.number for each in rows],
            "stores": [each.store for each in rows],
            "products": [each.product for each in rows],
            "quantities": [each.quantity for each in rows],
            "units": [each.units for each in rows],
            "faults": [each.fault for each in rows],
            "fields": [each.field for each in rows],
            "messages": [each.message for each in rows],
        },
    )


async def _check(session: AsyncSession, row: StockImport) -> None:
    parameters = {"import": row.id, "company": row.company_id, "stores": row.stores}
    await session.execute(CHECK, parameters)
    await find_lost_zeros(session, row)
    await _count_invalid(session, row)
    if not row.row_count:
        await fail(session, row, "The file has no rows.")
    elif row.failed_row_count and row.error_policy is ErrorPolicy.ALL_OR_NOTHING:
        await _fail_for_invalid_rows(session, row)
    else:
        MACHINE.set_status(row, StockImportStatus.APPLYING)


async def _apply(session: AsyncSession, row: StockImport) -> None:
    """Apply the next rows: all rows if one invalid row fails them all, else a chunk of them."""
    atomic = row.error_policy is ErrorPolicy.ALL_OR_NOTHING
    result = await apply_rows(session, row, row.place_rows, None if atomic else CHUNK_ROWS)
    await _count_invalid(session, row)
    if result is None:
        await _fail_for_invalid_rows(session, row)
        return
    row.processed_row_count += result.rows
    row.place_rows = result.place_rows
    if atomic or not result.more:
        MACHINE.set_status(row, StockImportStatus.COMPLETED)
        await _clean_up(session, row)


async def _count_invalid(session: AsyncSession, row: StockImport) -> None:
    invalid = select(func.count()).where(
        StockImportRow.import_id == row.id, StockImportRow.code.is_not(None)
    )
    row.failed_row_count = await session.scalar(invalid) or 0


async def _fail_for_invalid_rows(session: AsyncSession, row: StockImport) -> None:
    failed, rows = number_text(row.failed_row_count), count_text(row.row_count, "row")
    failure = f"Wrong rows: {failed} of {rows}. Nothing was changed."
    await fail(session, row, failure)


async def fail(session: AsyncSession, row: StockImport, failure: str) -> None:
    """End an import as FAILED, with a sentence for its users."""
    MACHINE.set_status(row, StockImportStatus.FAILED)
    row.failure = failure
    await _clean_up(session, row)


async def _clean_up(session: AsyncSession, row: StockImport) -> None:
    """Delete the valid rows and the upload; the invalid rows are kept for the error report."""
    row.finished_at = await current_time(session)
    await session.execute(
        delete(StockImportRow).where(
            StockImportRow.import_id == row.id, StockImportRow.code.is_(None)
        )
    )
    await session.execute(delete(StockImportFile).where(StockImportFile.id == row.upload_id))


async def record_failure(
    session: AsyncSession, import_id: UUID, failure: str | None = None
) -> bool:
    """Record that a step failed; returns False once the import is finished.

    It fails after MAX_ATTEMPTS failed steps in a row, or at once with a `failure` for its users.
    """
    row = await session.get(StockImport, import_id, with_for_update=True)
    if row is None or row.status in FINAL_STATUSES:
        return False
    row.tries += 1
    if failure is not None or row.tries >= MAX_ATTEMPTS:
        await fail(session, row, failure or "It could not be imported: send the file again.")
        await session.flush()
        record_change(session, row)
    return row.status not in FINAL_STATUSES
