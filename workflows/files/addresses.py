"""Addresses at which clients send and fetch the bytes of a file. Signing them asks no server."""

from datetime import UTC, datetime

from gateways.objects import ObjectStorage, TransferAddress
from models.files import File, FileStatus
from workflows.files.complete_upload import READY, STAGED, object_key

DOWNLOAD_SECONDS = 600


async def upload_address(storage: ObjectStorage, row: File) -> TransferAddress | None:
    """Where an open upload is sent, until its end; None for any other file."""
    seconds = int((row.expires_at - datetime.now(UTC)).total_seconds())
    if row.status is not FileStatus.UPLOADING or seconds <= 0:
        return None
    return await storage.upload_address(
        object_key(STAGED, row.id),
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        seconds=seconds,
    )


async def download_address(storage: ObjectStorage, row: File) -> str | None:
    """Where a READY file is fetched, for DOWNLOAD_SECONDS; None for any other file."""
    if row.status is not FileStatus.READY:
        return None
    address = await storage.download_address(
        object_key(READY, row.id),
        content_type=row.content_type,
        file_name=row.name,
        seconds=DOWNLOAD_SECONDS,
    )
    return address.url
