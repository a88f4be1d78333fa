"""Checks a file that has arrived: reads it, keeps what may be kept, and only then calls it READY.

No transaction is open while the storage is asked. An outage of it ends nothing: the upload stays
open, and the same request goes on where it failed.
"""

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from uuid import UUID

from database.sessions import Database
from gateways.file_content import (
    ContentRefused,
    KeptContent,
    UnknownContent,
    clean_content,
)
from gateways.objects import ObjectStorage, ObjectStorageUnavailable
from gateways.storage import FileMissing
from models.files import File, FileRejection, FileStatus
from models.identity import Actor
from models.ids import encode_id
from services.files import uploads
from services.files.file_problems import not_uploaded
from services.files.purposes import RULES
from services.files.uploads import CheckedFile

log = logging.getLogger("darkstore.files")

MAX_CONCURRENT_CHECKS = 2
"""In one process: each holds a file and its decoded pixels."""
STAGED = "staged"
READY = "ready"


def object_key(place: str, file_id: UUID) -> str:
    """The key of a file in the storage, in one of the two places."""
    return f"{place}/{encode_id(File, file_id)}"


@dataclass(frozen=True, slots=True)
class FileChecks:
    """The checks of one process, and the storage in which the files are."""

    database: Database
    storage: ObjectStorage
    places: asyncio.Semaphore

    async def check(self, actor: Actor, file_id: UUID) -> CheckedFile | FileRejection | None:
        """Check what has arrived and store what is kept of it; None for a file that is READY.

        Raises DomainError: NotFound, FileNotUploaded, FileExpired, or the problem for which it was
        rejected before; ObjectStorageUnavailable.
        """
        async with self.database.read(actor.scope()) as session:
            row = await uploads.upload_to_complete(session, actor=actor, file_id=file_id)
        if row.status is not FileStatus.UPLOADING:
            return None
        async with self.places:
            return await self._check_content(row)

    async def delete_sent(self, row: File | None) -> None:
        """Delete what a client has sent of a file that is checked; a job does it where this fails.

        The address may be used once more until it is too old, so the row still says `has_staged`.
        """
        if row is None or row.status is FileStatus.UPLOADING:
            return
        try:
            await self.storage.delete(object_key(STAGED, row.id))
        except ObjectStorageUnavailable as error:
            log.warning("a file that was sent is deleted later: %s", error)

    async def _check_content(self, row: File) -> CheckedFile | FileRejection:
        try:
            data = await self._read(row)
        except FileMissing:
            raise not_uploaded() from None
        if len(data) != row.size_bytes:
            return FileRejection.TOO_LARGE
        try:
            clean = await asyncio.to_thread(clean_content, data, RULES[row.purpose].content_types)
        except UnknownContent:
            return FileRejection.UNSUPPORTED_TYPE
        except ContentRefused:
            return FileRejection.DAMAGED
        return await self._keep(row, clean)

    async def _read(self, row: File) -> bytes:
        """What has arrived, at most a little more than was announced."""
        data = bytearray()
        async for chunk in self.storage.stream(object_key(STAGED, row.id)):
            data += chunk
            if len(data) > row.size_bytes:
                break
        return bytes(data)

    async def _keep(self, row: File, content: KeptContent) -> CheckedFile:
        await self.storage.put(object_key(READY, row.id), content.data, content.content_type)
        digest = hashlib.sha256(content.data).hexdigest()
        return CheckedFile(content.content_type, len(content.data), digest)


def file_checks(database: Database, storage: ObjectStorage) -> FileChecks:
    """The checks of one process."""
    return FileChecks(database, storage, asyncio.Semaphore(MAX_CONCURRENT_CHECKS))
