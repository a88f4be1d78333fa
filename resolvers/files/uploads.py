"""Uploads of files: begun, completed, and the addresses at which the bytes are sent and fetched."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.files import File
from resolvers.context import Info
from resolvers.files.inputs import FileUploadCompleteInput, FileUploadStartInput
from resolvers.mutations import run_mutation
from services.core.problems import DomainError, parse_id, parse_optional_id
from services.files import uploads
from services.files.file_problems import rejection_problem
from services.files.purposes import may_complete
from services.files.uploads import AnnouncedFile
from workflows.files.addresses import download_address, upload_address

FileId = Annotated[strawberry.ID, strawberry.argument(description="The file's id.")]


@dataclass
class FileUploadStartOutcome:
    """Result of `fileUploadStart`: the file with its upload, or the errors."""

    file: File | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class FileUploadCompleteOutcome:
    """Result of `fileUploadComplete`: the file, or the errors."""

    file: File | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """A header that a client must send."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileUpload:
    """Where and how a client sends a file."""

    method: str
    url: str
    headers: list[RequestHeader]
    expires_at: datetime


async def get_file(info: Info, id: FileId) -> File:
    actor, key = info.context.actor, parse_id(File, id, "id")
    async with info.context.read() as session:
        return await uploads.visible_file(session, actor=actor, file_id=key)


async def start(info: Info, input: FileUploadStartInput) -> FileUploadStartOutcome:
    def operation(session: AsyncSession) -> Any:
        return uploads.start(session, actor=info.context.actor, **_announced(input))

    return await run_mutation(info, FileUploadStartOutcome, operation, input=input)


def _announced(input: FileUploadStartInput) -> dict[str, Any]:
    size = int(input.size_bytes)
    return {
        "announced": AnnouncedFile(input.purpose, input.file_name, input.content_type, size),
        "company_id": parse_optional_id(Company, input.company_id, "companyId"),
    }


async def complete(info: Info, input: FileUploadCompleteInput) -> FileUploadCompleteOutcome:
    actor, files = info.context.actor, info.context.container.files
    try:
        key = parse_id(File, input.file_id, "fileId")
        checked: dict[str, Any] = {"file_id": key, "outcome": await files.check(actor, key)}
    except DomainError as error:
        return FileUploadCompleteOutcome(errors=error.problems)
    finish = partial(uploads.finish, actor=actor, **checked)
    done = await run_mutation(info, FileUploadCompleteOutcome, finish, input=input)
    await files.delete_sent(done.file)
    return _with_rejection(done)


def _with_rejection(done: FileUploadCompleteOutcome) -> FileUploadCompleteOutcome:
    """The payload of a file that was rejected: the problem, and no file."""
    row = done.file
    if row is None or row.rejection is None:
        return done
    return FileUploadCompleteOutcome(errors=[rejection_problem(row, row.rejection)])


async def upload(parent: strawberry.Parent[File], info: Info) -> FileUpload | None:
    """Where to send an open upload, for its owner alone."""
    if not may_complete(parent, info.context.actor):
        return None
    address = await upload_address(info.context.container.files.storage, parent)
    if address is None:
        return None
    headers = [RequestHeader(*one) for one in address.headers.items()]
    return FileUpload(address.method, address.url, headers, parent.expires_at)


async def download_url(parent: strawberry.Parent[File], info: Info) -> str | None:
    """Where a READY file is fetched."""
    return await download_address(info.context.container.files.storage, parent)
