"""Deletes objects in the storage: of files that have ended, and what clients have sent.

An object is deleted before its row says so: after an outage the row is found again.
"""

from uuid import UUID

from sqlalchemy import Select, func, select

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.objects import ObjectStorage
from models.files import File, FileStatus
from services.files.uploads import FORGET_AFTER, STAGED_TIME
from workflows.files.complete_upload import READY, STAGED, object_key

FORGET_JOB = "file.forget"
TIDY_JOB = "file.tidy"
ENDED_FILES: Select[UUID] = (
    select(File.id)
    .where(File.status.in_((FileStatus.REJECTED, FileStatus.EXPIRED)))
    .where(File.expires_at < func.now() - FORGET_AFTER)
    .order_by(File.expires_at)
)
"""The keys of files whose objects and rows are deleted."""
SENT_OBJECTS: Select[UUID] = (
    select(File.id)
    .where(File.has_staged, File.status == FileStatus.READY)
    .where(File.created_at < func.now() - STAGED_TIME)
    .order_by(File.created_at)
)
"""The keys of files of which clients can send nothing more: the addresses are too old."""


async def forget(database: Database, storage: ObjectStorage, file_id: UUID) -> int:
    """Delete the objects of a file that has ended, and then its row; returns 1."""
    for place in (STAGED, READY):
        await storage.delete(object_key(place, file_id))
    async with database.write(PLATFORM, AuditContext(f"job:{FORGET_JOB}")) as session:
        row = await session.get(File, file_id)
        if row is not None:
            await session.delete(row)
    return 1


async def delete_staged(database: Database, storage: ObjectStorage, file_id: UUID) -> int:
    """Delete what a client has sent of a READY file; returns 1.

    It may have been sent once more with the same address after it was deleted the first time.
    """
    await storage.delete(object_key(STAGED, file_id))
    async with database.write(PLATFORM, AuditContext(f"job:{TIDY_JOB}")) as session:
        row = await session.get(File, file_id)
        if row is not None:
            row.has_staged = False
    return 1
