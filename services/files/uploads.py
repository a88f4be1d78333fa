"""Uploads of files: begun, finished or rejected, and ended when their time is over.

Nothing here knows the storage: `workflows.files` moves the bytes, outside of transactions.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.files import File, FilePurpose, FileRejection, FileStatus
from models.identity import Actor
from services.core.clock import current_time
from services.core.problems import (
    DomainError,
    InvalidInput,
    RateLimited,
    not_found,
    range_problem,
)
from services.core.state_machine import AutomaticTransition, StateMachine
from services.core.text import parse_line
from services.events.event_log import file_stream, record_event
from services.files.file_problems import expired, rejection_problem, too_large, unsupported_type
from services.files.purposes import RULES, PurposeRules, may_complete, may_see

UPLOAD_SECONDS = 900
"""How long the address of an upload is valid."""
GRACE_SECONDS = 600
"""How long a file that has arrived in time may still be completed."""
STAGED_TIME = timedelta(seconds=UPLOAD_SECONDS + GRACE_SECONDS)
FORGET_AFTER = timedelta(days=1)
MAX_NAME_LENGTH = 200
MAX_OPEN_UPLOADS = 20
EXPIRE_JOB = "file.expire"
COMPLETE = "fileUploadComplete"
UPLOADING = frozenset({FileStatus.UPLOADING})
MACHINE: StateMachine[File, Any, FileStatus] = StateMachine(
    name="File",
    model=File,
    status=FileStatus,
    initial=UPLOADING,
    noun="file",
    id_path="fileId",
    is_visible=may_see,
    automatic=(
        AutomaticTransition(
            "owner: it has arrived and passed the checks",
            UPLOADING,
            {FileStatus.READY},
            mutation=COMPLETE,
        ),
        AutomaticTransition(
            "owner: it has arrived and failed a check",
            UPLOADING,
            {FileStatus.REJECTED},
            mutation=COMPLETE,
        ),
        AutomaticTransition(
            "job: it did not arrive in time, or was kept as long as its purpose says",
            {FileStatus.UPLOADING, FileStatus.READY},
            {FileStatus.EXPIRED},
            job=EXPIRE_JOB,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class AnnouncedFile:
    """What a client says of the file that it is going to send."""

    purpose: FilePurpose
    name: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What the checks have found: the type of the content, its size and digest as it is kept."""

    content_type: str
    size_bytes: int
    sha256: str


async def start(
    session: AsyncSession, *, actor: Actor, announced: AnnouncedFile, company_id: UUID | None
) -> File:
    """Begin an upload.

    Raises DomainError: InvalidInput, NotFound for a company that the actor may send nothing for,
    FileTooLarge, UnsupportedFileType, RateLimited for too many open uploads.
    """
    rules = RULES[announced.purpose]
    _require_sender(actor, rules, company_id)
    name = parse_line(announced.name, "input", "fileName", max_length=MAX_NAME_LENGTH, min_length=1)
    content_type = announced.content_type.partition(";")[0].strip().lower()
    if content_type not in rules.content_types:
        raise DomainError(unsupported_type(rules, "contentType"))
    if announced.size_bytes > rules.max_size_bytes:
        raise DomainError(too_large(rules, "sizeBytes"))
    if announced.size_bytes < 1:
        raise DomainError(range_problem(["input", "sizeBytes"], 1, rules.max_size_bytes, "bytes"))
    now = await current_time(session)
    await _check_open_uploads(session, actor)
    row = File(
        owner_id=actor.person_id,
        company_id=company_id,
        purpose=announced.purpose,
        status=FileStatus.UPLOADING,
        name=name,
        content_type=content_type,
        size_bytes=announced.size_bytes,
        has_staged=True,
        created_at=now,
        expires_at=now + timedelta(seconds=UPLOAD_SECONDS),
    )
    session.add(row)
    _record(session, row)
    return row


def _require_sender(actor: Actor, rules: PurposeRules, company_id: UUID | None) -> None:
    if rules.is_of_company is (company_id is None):
        needed = "names a company" if rules.is_of_company else "belongs to you: leave companyId out"
        message = f"A file of this purpose {needed}."
        raise DomainError(InvalidInput(path=["input", "companyId"], message=message))
    if company_id is not None and not any(
        grant.role in rules.senders and grant.company_id in (None, company_id)
        for grant in actor.grants
    ):
        raise not_found(Company, "companyId")


async def _check_open_uploads(session: AsyncSession, actor: Actor) -> None:
    own = select(func.count()).where(
        File.owner_id == actor.person_id, File.status == FileStatus.UPLOADING
    )
    if (await session.scalar(own) or 0) >= MAX_OPEN_UPLOADS:
        message = f"{MAX_OPEN_UPLOADS} of your uploads are open: complete them, or wait."
        raise DomainError(
            RateLimited(path=["input"], message=message, retry_after_seconds=UPLOAD_SECONDS)
        )


async def visible_file(session: AsyncSession, *, actor: Actor, file_id: UUID) -> File:
    """One file, if the actor may see it. Raises DomainError: NotFound."""
    row = await session.get(File, file_id)
    if row is None or not may_see(row, actor):
        raise not_found(File, "id")
    return row


async def upload_to_complete(session: AsyncSession, *, actor: Actor, file_id: UUID) -> File:
    """The actor's upload, if it is open or READY already.

    Raises DomainError: NotFound, FileExpired, or the problem for which it was rejected.
    """
    row = await session.get(File, file_id)
    if row is None or not may_complete(row, actor):
        raise not_found(File, "fileId")
    if row.status is FileStatus.REJECTED and row.rejection is not None:
        raise DomainError(rejection_problem(row, row.rejection))
    if row.status is FileStatus.EXPIRED:
        raise expired()
    if row.status is FileStatus.UPLOADING and await _is_over(session, row):
        raise expired()
    return row


async def _is_over(session: AsyncSession, row: File) -> bool:
    return row.expires_at + timedelta(seconds=GRACE_SECONDS) <= await current_time(session)


async def finish(
    session: AsyncSession,
    *,
    actor: Actor,
    file_id: UUID,
    outcome: CheckedFile | FileRejection | None,
) -> File:
    """Make the actor's upload READY, or REJECTED; one that has ended meanwhile stays as it is.

    Raises DomainError: NotFound, FileExpired, or the problem for which it was rejected before.
    """
    await MACHINE.lock(session, file_id)
    row = await upload_to_complete(session, actor=actor, file_id=file_id)
    if row.status is not FileStatus.UPLOADING or outcome is None:
        return row
    if isinstance(outcome, FileRejection):
        MACHINE.set_status(row, FileStatus.REJECTED)
        row.rejection = outcome
    else:
        MACHINE.set_status(row, FileStatus.READY)
        row.content_type, row.size_bytes = outcome.content_type, outcome.size_bytes
        row.sha256 = outcome.sha256
        row.ready_at = await current_time(session)
        row.expires_at = row.ready_at + timedelta(days=RULES[row.purpose].kept_days)
    _record(session, row)
    return row


def is_due_to_expire() -> Any:
    """The keys of files whose time is over, the oldest first."""
    grace = timedelta(seconds=GRACE_SECONDS)
    over = or_(
        (File.status == FileStatus.UPLOADING) & (File.expires_at < func.now() - grace),
        (File.status == FileStatus.READY) & (File.expires_at < func.now()),
    )
    return select(File.id).where(over).order_by(File.expires_at)


async def expire(session: AsyncSession, file_id: UUID) -> int:
    """End a file whose time is over; returns 1, or 0 if it has changed meanwhile."""
    row = await session.scalar(
        is_due_to_expire().with_only_columns(File).where(File.id == file_id).with_for_update()
    )
    if row is None:
        return 0
    MACHINE.set_status(row, FileStatus.EXPIRED)
    row.expires_at = await current_time(session)
    _record(session, row)
    return 1


def _record(session: AsyncSession, row: File) -> None:
    """Record a change of a company's file; a person's own has no stream, as addresses have none."""
    if row.company_id is None:
        return
    body = {"file_id": row.id, "status": row.status, "purpose": row.purpose}
    record_event(
        session, file_stream(row.id), f"FILE_{row.status}", body, company_id=row.company_id
    )
