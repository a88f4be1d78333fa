"""What a storage of files offers; clients send and fetch the bytes at addresses that it signs."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

from gateways.storage import FileMissing, StorageError

OBJECT_KEY = re.compile(r"(?:staged|ready)/[A-Za-z0-9_-]{1,64}")
CHUNK_BYTES = 256 * 1024
NOT_IN_A_FALLBACK_NAME = re.compile(r'[^\x20-\x7e]|["\\%/]')


class ObjectStorageUnavailable(StorageError):
    """No answer, or a temporary error: whether something was stored or deleted is unknown."""

    transient = True


@dataclass(frozen=True, slots=True)
class TransferAddress:
    """Where a client sends or fetches one file: method, URL and the headers that it must send.

    The URL begins with a slash where our own server takes the file.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class ObjectStorage(Protocol):
    """Stores files by keys such as `staged/…` and `ready/…`, which we choose."""

    async def upload_address(
        self, key: str, *, content_type: str, size_bytes: int, seconds: int
    ) -> TransferAddress:
        """Sign an address that takes one file of this type and size, once, for some seconds."""

    async def download_address(
        self, key: str, *, content_type: str, file_name: str, seconds: int
    ) -> TransferAddress:
        """Sign an address that sends the file as an attachment, for some seconds."""

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store a file; an older one of the same key is replaced.

        Raises StorageFull, ObjectStorageUnavailable.
        """

    async def size_bytes(self, key: str) -> int:
        """The size of a file. Raises FileMissing, ObjectStorageUnavailable."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces. Raises FileMissing, ObjectStorageUnavailable."""

    async def delete(self, key: str) -> None:
        """Delete a file, if it exists. Raises ObjectStorageUnavailable."""

    async def close(self) -> None:
        """Close the connections."""


def require_key(key: str) -> str:
    """Return a key of the form that we choose. Raises FileMissing for any other."""
    if not OBJECT_KEY.fullmatch(key):
        raise FileMissing(key)
    return key


def attachment(file_name: str) -> str:
    """The Content-Disposition of a download (RFC 6266): a browser saves it and never shows it."""
    plain = NOT_IN_A_FALLBACK_NAME.sub("_", file_name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
