"""Imports of stock files: uploads, starting an import, and reads of its progress and errors.

The steps of an import are in `import_steps`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.imports import (
    ErrorPolicy,
    StockImport,
    StockImportFile,
    StockImportFormat,
    StockImportMode,
    StockImportRow,
    StockImportStatus,
)
from services.core.access import COMPANY_ROLES, MANAGER_ROLES
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, RateLimited, not_found
from services.core.state_machine import AutomaticTransition, StateMachine
from services.core.text import parse_line
from services.events.event_log import import_stream, record_event
from services.imports.file_reader import detect_layout

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_NAME_LENGTH = 200
MAX_WAITING_UPLOADS = 20
UPLOAD_RETENTION_SECONDS = 24 * 3600
MAX_LIVE_IMPORTS = 3
MAX_AGE = timedelta(days=7)
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clock of whoever sends a file may be fast."""
RETRY_SECONDS = 30
FINAL_STATUSES = (StockImportStatus.COMPLETED, StockImportStatus.FAILED)
ADVANCE_JOB = "stock_import.advance"
MACHINE: StateMachine[StockImport, Any, StockImportStatus] = StateMachine(
    name="StockImport",
    model=StockImport,
    status=StockImportStatus,
    initial={StockImportStatus.QUEUED},
    automatic=(
        AutomaticTransition(
            "worker: reads a chunk of the file",
            {StockImportStatus.QUEUED, StockImportStatus.READING},
            {StockImportStatus.READING},
            job=ADVANCE_JOB,
        ),
        AutomaticTransition(
            "worker: the file is read",
            {StockImportStatus.READING},
            {StockImportStatus.CHECKING},
            job=ADVANCE_JOB,
        ),
        AutomaticTransition(
            "worker: stores and products are resolved",
            {StockImportStatus.CHECKING},
            {StockImportStatus.APPLYING},
            job=ADVANCE_JOB,
        ),
        AutomaticTransition(
            "worker: all rows are applied",
            {StockImportStatus.APPLYING},
            {StockImportStatus.COMPLETED},
            job=ADVANCE_JOB,
        ),
        AutomaticTransition(
            "worker: the file is invalid, or a step failed too often",
            frozenset(StockImportStatus) - frozenset(FINAL_STATUSES),
            {StockImportStatus.FAILED},
            job=ADVANCE_JOB,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The format of a file, the meaning of its quantities, and the effect of invalid rows."""

    format: StockImportFormat
    mode: StockImportMode
    error_policy: ErrorPolicy
    as_of: datetime | None = None
    """When the quantities of a SET file were true; None: when it was sent."""


async def list_uploads(session: AsyncSession, *, actor: Actor) -> Sequence[StockImportFile]:
    """The actor's uploaded files that are not imported yet, newest first."""
    own = select(StockImportFile).where(StockImportFile.person_id == actor.person_id)
    rows = await session.scalars(own.order_by(StockImportFile.id.desc()).limit(MAX_WAITING_UPLOADS))
    return rows.all()


async def check_upload_limit(session: AsyncSession, *, actor: Actor) -> None:
    """Raise RateLimited if the actor has MAX_WAITING_UPLOADS files that are not imported yet."""
    own = select(func.count()).where(StockImportFile.person_id == actor.person_id)
    if (await session.scalar(own) or 0) >= MAX_WAITING_UPLOADS:
        message = f"{MAX_WAITING_UPLOADS} files wait already: import them, or wait a day."
        raise DomainError(
            RateLimited(path=[], message=message, retry_after_seconds=UPLOAD_RETENTION_SECONDS)
        )


async def save_upload(
    session: AsyncSession, *, actor: Actor, upload: StockImportFile, name: str
) -> StockImportFile:
    """Save the row of a file that is stored under the upload's key.

    The file is deleted unless it is imported within UPLOAD_RETENTION_SECONDS. Raises DomainError:
    InvalidInput for the name.
    """
    upload.name = parse_line(name, "name", max_length=MAX_NAME_LENGTH)
    session.add(upload)
    await session.flush()
    return upload


async def start(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    upload_id: UUID,
    options: ImportOptions,
) -> StockImport:
    """Start the import of an actor's file into all stores of a company, or those they manage.

    Raises DomainError: NotFound, InvalidFile when the file does not have its format,
    InvalidInput for a file that is being imported already, RateLimited for too many active imports
    of the company.
    """
    stores = importable_stores(actor, company_id)
    if stores is not None and not stores:
        raise not_found(Company, "companyId")
    upload = await session.get(StockImportFile, upload_id)
    if upload is None or upload.person_id != actor.person_id:
        raise not_found(StockImportFile, "stockImportFileId")
    detect_layout(upload.head, upload.size_bytes, options.format)
    await _check_live_imports(session, company_id)
    row = StockImport(
        company_id=company_id,
        upload_id=upload_id,
        started_by_id=actor.person_id,
        stores=stores,
        file_name=upload.name,
        size_bytes=upload.size_bytes,
        **{**asdict(options), "as_of": await _time_of_file(session, options, upload)},
    )
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        message = "This file is imported already: send it again to import it again."
        path = ["input", "stockImportFileId"]
        raise DomainError(InvalidInput(path=path, message=message)) from None
    record_change(session, row)
    return row


async def _time_of_file(
    session: AsyncSession, options: ImportOptions, upload: StockImportFile
) -> datetime:
    """When the quantities were true. Raises DomainError: InvalidInput for an impossible time."""
    as_of = options.as_of
    if as_of is None:
        return upload.created_at
    if options.mode is not StockImportMode.SET:
        raise _bad_time("Units that are added have no time: leave it out.")
    now = await current_time(session)
    if as_of.tzinfo is None or not now - MAX_AGE <= as_of <= now + CLOCK_TOLERANCE:
        raise _bad_time(f"A file is at most {MAX_AGE.days} days old, and not from the future.")
    return min(as_of, now)


def _bad_time(message: str) -> DomainError:
    return DomainError(InvalidInput(path=["input", "asOf"], message=message))


def importable_stores(actor: Actor, company_id: UUID) -> list[UUID] | None:
    """The stores of a company whose stock the actor may import; None for all of them."""
    if actor.has_company_role(company_id, COMPANY_ROLES):
        return None
    managed = {
        grant.store_id
        for grant in actor.grants
        if grant.role in MANAGER_ROLES and grant.company_id == company_id and grant.store_id
    }
    return sorted(managed)


async def _check_live_imports(session: AsyncSession, company_id: UUID) -> None:
    live = select(func.count()).where(
        StockImport.company_id == company_id, StockImport.status.not_in(FINAL_STATUSES)
    )
    if (await session.scalar(live) or 0) >= MAX_LIVE_IMPORTS:
        message = f"{MAX_LIVE_IMPORTS} files are being imported: wait for one to end."
        path = ["input", "companyId"]
        raise DomainError(
            RateLimited(path=path, message=message, retry_after_seconds=RETRY_SECONDS)
        )


def record_change(session: AsyncSession, row: StockImport) -> None:
    """Record the progress of an import on its stream."""
    body = {
        "import_id": row.id,
        "status": row.status,
        "row_count": row.row_count,
        "processed_row_count": row.processed_row_count,
        "failed_row_count": row.failed_row_count,
    }
    stream = import_stream(row.id)
    record_event(session, stream, f"IMPORT_{row.status}", body, company_id=row.company_id)


def may_see(row: StockImport, actor: Actor) -> bool:
    """Whether the actor started the import, or could import into all of its stores."""
    if row.started_by_id == actor.person_id and actor.signed_in:
        return True
    stores = importable_stores(actor, row.company_id)
    return stores is None or (bool(row.stores) and set(row.stores or ()) <= set(stores))


async def visible_import(session: AsyncSession, *, actor: Actor, import_id: UUID) -> StockImport:
    """One import, if the actor may see it; else NotFound."""
    row = await session.get(StockImport, import_id)
    if row is None or not may_see(row, actor):
        raise not_found(StockImport, "id")
    return row


async def list_of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[StockImport]:
    """A page of a company's imports, newest first: all for its admins, own ones for managers.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    stores = importable_stores(actor, company_id)
    if stores is not None and not stores:
        raise not_found(Company, "companyId")
    statement = select(StockImport).where(StockImport.company_id == company_id)
    if stores is not None:
        statement = statement.where(StockImport.started_by_id == actor.person_id)
    if (start := decode_cursor(cursor, StockImport.id)) is not None:
        statement = statement.where(StockImport.id < start[0])
    statement = statement.order_by(StockImport.id.desc()).limit(first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, first, cursor, lambda row: (str(row.id),))


async def list_errors(
    session: AsyncSession, *, actor: Actor, import_id: UUID, first: int, cursor: str | None
) -> Page[StockImportRow]:
    """A page of the invalid rows of an import, in the order of the file.

    Raises DomainError: NotFound.
    """
    check_page_size(first)
    row = await visible_import(session, actor=actor, import_id=import_id)
    start = decode_cursor(cursor, StockImportRow.number)
    rows = await invalid_rows(session, row.id, start[0] if start else 0, first + 1)
    return build_page(rows, first, cursor, lambda row: (row.number,))


async def invalid_rows(
    session: AsyncSession, import_id: UUID, after_number: int, limit: int
) -> Sequence[StockImportRow]:
    """The invalid rows of an import beyond a line number, in the order of the file."""
    rows = await session.scalars(
        select(StockImportRow)
        .where(StockImportRow.import_id == import_id, StockImportRow.code.is_not(None))
        .where(StockImportRow.number > after_number)
        .order_by(StockImportRow.number)
        .limit(limit)
    )
    return rows.all()
