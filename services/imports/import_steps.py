"""Working an import off: one short unit of work a step, each of which leaves the rest for the next.

QUEUED → READING: a piece of the file into rows. CHECKING: what the rows mean. APPLYING: onto the
shelves, a thousand rows at a time (SKIP_BAD) or all in one transaction (ALL_OR_NOTHING). A step
writes what it did and how far it came together; a worker that dies leaves nothing half done, and
the next one goes on from there.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.types import Integer, Text, Uuid

from models.imports import ErrorPolicy, ImportStatus, StockImport, StockImportRow, StockUpload
from services.core.clock import moment
from services.imports.file_reader import Row, layout_of, rows_of, whole_lines
from services.imports.row_writer import apply
from services.imports.stock_imports import OVER, tell

PIECE_BYTES = 512 * 1024
ROWS = 200_000
TOGETHER_ROWS = 60_000  # one transaction has to be done within a worker's turn
CHUNK_ROWS = 1_000
TRIES = 5
STEP_SECONDS = 20
# A plan made for files of any length is a bad one for a long file; and until the rows of a file are
# counted by the server, it takes them for few and would look each up by itself.
SLOWLY = text(
    f"""
    select set_config('statement_timeout', '{STEP_SECONDS}s', true),
        set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('enable_nestloop', 'off', true)
    """
)

INSERT = text(
    """
    insert into stock_import_row (import_id, company_id, number, store, product, quantity, units,
        fault, field, message)
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

# What rows mean, and the first reason against each: an unknown store (or one that is not the
# importer's to set), an unknown product, a place that an earlier row has named.
CHECK = text(
    """
    with meant as (
        select r.number, s.id as store_id, coalesce(c.id, b.id) as product_id
        from stock_import_row r
        left join store s on s.company_id = :company and s.code = r.store
            and (cast(:stores as uuid[]) is null or s.id = any (:stores))
        left join product c on c.company_id = :company and c.code = r.product
        left join lateral (
            select p.id from product p
            where c.id is null and p.company_id = :company and p.barcode = r.product
            order by p.id limit 1
        ) b on true
        where r.import_id = :import and r.fault is null
    ), ranked as (
        select *, min(number) over (partition by store_id, product_id) as first from meant
    )
    update stock_import_row r set
        store_id = one.store_id,
        product_id = one.product_id,
        fault = case
            when one.store_id is null then 'UNKNOWN_STORE'
            when one.product_id is null then 'UNKNOWN_PRODUCT'
            when one.first < r.number then 'REPEATED' end,
        field = case
            when one.store_id is null then 'store'
            when one.product_id is null or one.first < r.number then 'product' else '' end,
        message = case
            when one.store_id is null then 'There is no such store among those you manage.'
            when one.product_id is null then 'There is no product with this code or barcode.'
            when one.first < r.number then 'Line ' || one.first || ' sets this shelf already.'
            else '' end
    from ranked one
    where r.import_id = :import and r.number = one.number
    """
).bindparams(
    bindparam("import", type_=Uuid),
    bindparam("company", type_=Uuid),
    bindparam("stores", type_=ARRAY(Uuid)),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The piece of a file that an import wants next."""

    upload_id: UUID
    place_bytes: int
    most_bytes: int = PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file, and where it begins; `last` says that nothing follows it."""

    place_bytes: int
    data: bytes
    last: bool


async def live(session: AsyncSession, most: int) -> list[UUID]:
    """The imports that have something left to do, oldest first."""
    rows = await session.scalars(
        select(StockImport.id)
        .where(text("status not in ('COMPLETED','FAILED')"))
        .order_by(StockImport.id)
        .limit(most)
    )
    return list(rows)


async def wanted(session: AsyncSession, import_id: UUID) -> Wanted | None:
    """What has to be fetched for the next step, before its unit of work; None for nothing."""
    row = await session.get(StockImport, import_id)
    if row is None or row.status not in (ImportStatus.QUEUED, ImportStatus.READING):
        return None
    return Wanted(row.upload_id, row.place_bytes)


async def step(session: AsyncSession, import_id: UUID, piece: Piece | None) -> bool:
    """Do the next thing for an import; False when it is over, or another worker is at it."""
    locked = select(StockImport).where(StockImport.id == import_id)
    row = await session.scalar(
        locked.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )
    if row is None or row.status in OVER:
        return False
    await session.execute(SLOWLY)
    match row.status:
        case ImportStatus.QUEUED | ImportStatus.READING:
            if piece is None or piece.place_bytes != row.place_bytes:
                return False
            await _read(session, row, piece)
        case ImportStatus.CHECKING:
            await _check(session, row)
        case _:
            await _apply(session, row)
    row.tries = 0
    await session.flush()
    tell(session, row)
    return row.status not in OVER


async def ended(session: AsyncSession, import_id: UUID) -> UUID | None:
    """The file that is not needed any more; None while the import goes on."""
    row = await session.get(StockImport, import_id)
    return row.upload_id if row is not None and row.status in OVER else None


async def _read(session: AsyncSession, row: StockImport, piece: Piece) -> None:
    upload = await session.get_one(StockUpload, row.upload_id)
    layout = layout_of(upload.head, row.format)
    lines, size = whole_lines(piece.data, piece.last)
    rows = rows_of(lines, row.place_lines, layout, row.mode)
    await _keep(session, row, rows)
    row.status = ImportStatus.READING
    row.place_bytes += size
    row.place_lines += len(lines)
    row.rows_total += len(rows)
    row.rows_failed += sum(one.fault is not None for one in rows)
    most = TOGETHER_ROWS if row.on_error is ErrorPolicy.ALL_OR_NOTHING else ROWS
    if row.rows_total > most:
        await fail(session, row, f"With {row.on_error} a file has at most {most} rows: split it.")
    elif piece.last:
        row.status = ImportStatus.CHECKING


async def _keep(session: AsyncSession, row: StockImport, rows: list[Row]) -> None:
    if not rows:
        return
    await session.execute(
        INSERT,
        {
            "import": row.id,
            "company": row.company_id,
            "numbers": [one.number for one in rows],
            "stores": [one.store for one in rows],
            "products": [one.product for one in rows],
            "quantities": [one.quantity for one in rows],
            "units": [one.units for one in rows],
            "faults": [one.fault for one in rows],
            "fields": [one.field for one in rows],
            "messages": [one.message for one in rows],
        },
    )


async def _check(session: AsyncSession, row: StockImport) -> None:
    given = {"import": row.id, "company": row.company_id, "stores": row.stores}
    await session.execute(CHECK, given)
    await _count_bad(session, row)
    if not row.rows_total:
        await fail(session, row, "The file has no rows.")
    elif row.rows_failed and row.on_error is ErrorPolicy.ALL_OR_NOTHING:
        await _refuse(session, row)
    else:
        row.status = ImportStatus.APPLYING


async def _apply(session: AsyncSession, row: StockImport) -> None:
    """Put the next rows on the shelves: all of them when one bad row stops them all."""
    together = row.on_error is ErrorPolicy.ALL_OR_NOTHING
    done = await apply(session, row, row.place_rows, None if together else CHUNK_ROWS)
    await _count_bad(session, row)
    if done is None:
        await _refuse(session, row)
        return
    row.rows_done += done.rows
    row.place_rows = done.place_rows
    if together or not done.more:
        row.status = ImportStatus.COMPLETED
        await _close(session, row)


async def _count_bad(session: AsyncSession, row: StockImport) -> None:
    bad = select(func.count()).where(
        StockImportRow.import_id == row.id, StockImportRow.fault.is_not(None)
    )
    row.rows_failed = await session.scalar(bad) or 0


async def _refuse(session: AsyncSession, row: StockImport) -> None:
    said = f"{row.rows_failed} of {row.rows_total} rows are bad: nothing was changed."
    await fail(session, row, said)


async def fail(session: AsyncSession, row: StockImport, failure: str) -> None:
    """End an import of which nothing (more) is applied, with a sentence why."""
    row.status, row.failure = ImportStatus.FAILED, failure
    await _close(session, row)


async def _close(session: AsyncSession, row: StockImport) -> None:
    """Forget the good rows and the file's note; the bad rows stay to be looked at."""
    row.finished_at = await moment(session)
    await session.execute(
        delete(StockImportRow).where(
            StockImportRow.import_id == row.id, StockImportRow.fault.is_(None)
        )
    )
    await session.execute(delete(StockUpload).where(StockUpload.id == row.upload_id))


async def failed(session: AsyncSession, import_id: UUID, failure: str | None = None) -> bool:
    """Note that a step could not be done; after TRIES in a row, or a known failure, it is over."""
    row = await session.get(StockImport, import_id, with_for_update=True)
    if row is None or row.status in OVER:
        return False
    row.tries += 1
    if failure is not None or row.tries >= TRIES:
        await fail(session, row, failure or "It could not be imported: send the file again.")
        await session.flush()
        tell(session, row)
    return row.status not in OVER


async def forget_uploads(session: AsyncSession, seconds: float) -> int:
    """Forget the notes of files that nobody imported within this time; answers how many."""
    before = await moment(session, -seconds)
    waiting = select(StockImport.upload_id).where(StockImport.status.not_in(OVER))
    gone = await session.execute(
        delete(StockUpload).where(StockUpload.created_at < before, StockUpload.id.not_in(waiting))
    )
    return int(getattr(gone, "rowcount", 0))
