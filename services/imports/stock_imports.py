"""Files of stock: sent, started as an import, and read again while and after they are worked off.

The work itself is done a step at a time by `stock_import_steps`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor, Role
from models.imports import (
    ErrorPolicy,
    ImportFormat,
    ImportMode,
    ImportStatus,
    StockImport,
    StockImportRow,
    StockUpload,
)
from services.core.access import MANAGER_ROLES
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, RateLimited, Refused, not_found
from services.core.text import line
from services.events.event_log import happened, import_stream
from services.imports.file_reader import layout_of

FILE_BYTES = 64 * 1024 * 1024
NAME_LENGTH = 200
WAITING_UPLOADS = 20
KEPT_SECONDS = 24 * 3600
LIVE_IMPORTS = 3
RETRY_SECONDS = 30
COMPANY_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
OVER = (ImportStatus.COMPLETED, ImportStatus.FAILED)


async def uploads(session: AsyncSession, *, actor: Actor) -> Sequence[StockUpload]:
    """The files that the actor sent and that still wait to be imported, newest first."""
    mine = select(StockUpload).where(StockUpload.person_id == actor.person_id)
    rows = await session.scalars(mine.order_by(StockUpload.id.desc()).limit(WAITING_UPLOADS))
    return rows.all()


@dataclass(frozen=True, slots=True)
class Taking:
    """How a file is written, what its quantities mean, and what bad rows do to the good ones."""

    format: ImportFormat
    mode: ImportMode
    on_error: ErrorPolicy


async def room(session: AsyncSession, *, actor: Actor) -> None:
    """Refuse with RateLimited a person who has sent too many files that nobody imported yet."""
    mine = select(func.count()).where(StockUpload.person_id == actor.person_id)
    if (await session.scalar(mine) or 0) >= WAITING_UPLOADS:
        said = f"{WAITING_UPLOADS} files wait already: import them, or wait a day."
        raise Refused(RateLimited(path=[], message=said, retry_after_seconds=KEPT_SECONDS))


async def keep(
    session: AsyncSession, *, actor: Actor, upload: StockUpload, name: str
) -> StockUpload:
    """Note a file that has been stored under the upload's key. Refused: InvalidInput, a bad name.

    Whoever sent it has a day to import it.
    """
    upload.name = line(name, "name", most=NAME_LENGTH)
    session.add(upload)
    await session.flush()
    return upload


async def start(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    upload_id: UUID,
    taking: Taking,
) -> StockImport:
    """Begin to import a file of the actor's: into all stores of the company, or those they manage.

    Refused: NotFound, UnreadableFile when it is not what its format says, InvalidInput for a file
    that is being imported, RateLimited when too many are.
    """
    stores = reach(actor, company_id)
    if stores is not None and not stores:
        raise not_found(Company, "companyId")
    upload = await session.get(StockUpload, upload_id)
    if upload is None or upload.person_id != actor.person_id:
        raise not_found(StockUpload, "uploadId")
    layout_of(upload.head, taking.format)
    await _free(session, company_id)
    row = StockImport(
        company_id=company_id,
        upload_id=upload_id,
        started_by_id=actor.person_id,
        stores=stores,
        file_name=upload.name,
        size_bytes=upload.size_bytes,
        **asdict(taking),
    )
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        said = "This file is imported already: send it again to import it again."
        path = ["input", "uploadId"]
        raise Refused(InvalidInput(path=path, message=said)) from None
    tell(session, row)
    return row


def reach(actor: Actor, company_id: UUID) -> list[UUID] | None:
    """The stores of a company whose books the actor may set; None for all of them."""
    if actor.acts_for(company_id, COMPANY_ROLES):
        return None
    mine = {
        grant.store_id
        for grant in actor.grants
        if grant.role in MANAGER_ROLES and grant.company_id == company_id and grant.store_id
    }
    return sorted(mine)


async def _free(session: AsyncSession, company_id: UUID) -> None:
    live = select(func.count()).where(
        StockImport.company_id == company_id, StockImport.status.not_in(OVER)
    )
    if (await session.scalar(live) or 0) >= LIVE_IMPORTS:
        said = f"{LIVE_IMPORTS} files are being imported: wait for one to end."
        path = ["input", "companyId"]
        raise Refused(RateLimited(path=path, message=said, retry_after_seconds=RETRY_SECONDS))


def tell(session: AsyncSession, row: StockImport) -> None:
    """Record how far an import is, for those who watch it."""
    body = {
        "import_id": row.id,
        "status": row.status,
        "rows_total": row.rows_total,
        "rows_done": row.rows_done,
        "rows_failed": row.rows_failed,
    }
    stream = import_stream(row.id)
    happened(session, stream, f"IMPORT_{row.status}", body, company_id=row.company_id)


def concerns(row: StockImport, actor: Actor) -> bool:
    """Whether the actor started it, or could set every shelf that it may."""
    if row.started_by_id == actor.person_id and actor.signed_in:
        return True
    stores = reach(actor, row.company_id)
    return stores is None or (bool(row.stores) and set(row.stores or ()) <= set(stores))


async def visible(session: AsyncSession, *, actor: Actor, import_id: UUID) -> StockImport:
    """One import, for those whom it concerns; else NotFound."""
    row = await session.get(StockImport, import_id)
    if row is None or not concerns(row, actor):
        raise not_found(StockImport, "id")
    return row


async def of_company(
    session: AsyncSession, *, actor: Actor, company_id: UUID, first: int, cursor: str | None
) -> Page[StockImport]:
    """A page of a company's imports, newest first: all for its admins, else one's own.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    stores = reach(actor, company_id)
    if stores is not None and not stores:
        raise not_found(Company, "companyId")
    rows = select(StockImport).where(StockImport.company_id == company_id)
    if stores is not None:
        rows = rows.where(StockImport.started_by_id == actor.person_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(StockImport.id < start[0])
    found = (await session.scalars(rows.order_by(StockImport.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))


async def errors(
    session: AsyncSession, *, actor: Actor, import_id: UUID, first: int, cursor: str | None
) -> Page[StockImportRow]:
    """A page of the bad rows of an import, in the order of the file. Refused: NotFound."""
    bounded(first)
    row = await visible(session, actor=actor, import_id=import_id)
    start = after(cursor, int)
    found = await bad_rows(session, row.id, start[0] if start else 0, first + 1)
    return page(found, first, lambda one: (one.number,))


async def bad_rows(
    session: AsyncSession, import_id: UUID, beyond: int, most: int
) -> Sequence[StockImportRow]:
    """The bad rows of an import beyond a line's number, in the order of the file."""
    rows = await session.scalars(
        select(StockImportRow)
        .where(StockImportRow.import_id == import_id, StockImportRow.fault.is_not(None))
        .where(StockImportRow.number > beyond)
        .order_by(StockImportRow.number)
        .limit(most)
    )
    return rows.all()
