"""Files in a folder of ours, sent and fetched at addresses of our own server.

Each file is written beside its place and then moved there, so nobody reads a part of one.
"""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from gateways.objects.object_storage import (
    CHUNK_BYTES,
    ObjectStorageUnavailable,
    TransferAddress,
    require_key,
)
from gateways.objects.signed_addresses import (
    DOWNLOAD_METHOD,
    UPLOAD_METHOD,
    AddressSigner,
    SignedFile,
)
from gateways.storage import PARTIAL_SUFFIX, FileMissing, FileOverLimit, StorageError, StorageFull

UPLOAD_PATH = "/files/upload"
DOWNLOAD_PATH = "/files/download"
SECRET_FILE = "address-secret"  # noqa: S105 - the name of a file
RESERVED_BYTES = 256 * 1024 * 1024
"""So much of the disk is left free for others, such as logs."""
T = TypeVar("T")


class FileIncomplete(StorageError):
    """Fewer bytes have arrived than the address is for."""


class FileStoredAlready(StorageError):
    """The address was used before: a file is stored once."""


class DiskObjects:
    """An `ObjectStorage` in one folder, which all processes of an installation share."""

    def __init__(self, folder: Path, *, reserved_bytes: int = RESERVED_BYTES) -> None:
        self._folder = folder
        self._reserved_bytes = reserved_bytes
        self._signer = AddressSigner(folder / SECRET_FILE)

    async def upload_address(
        self, key: str, *, content_type: str, size_bytes: int, seconds: int
    ) -> TransferAddress:
        file = SignedFile(require_key(key), content_type, size_bytes)
        query = await self._sign(UPLOAD_METHOD, file, seconds)
        return TransferAddress(
            UPLOAD_METHOD, f"{UPLOAD_PATH}?{query}", {"content-type": content_type}
        )

    async def download_address(
        self, key: str, *, content_type: str, file_name: str, seconds: int
    ) -> TransferAddress:
        file = SignedFile(require_key(key), content_type, name=file_name)
        query = await self._sign(DOWNLOAD_METHOD, file, seconds)
        return TransferAddress(DOWNLOAD_METHOD, f"{DOWNLOAD_PATH}?{query}")

    async def _sign(self, method: str, file: SignedFile, seconds: int) -> str:
        expires_at = int(time.time()) + seconds
        return await _in_thread(lambda: self._signer.sign(method, file, expires_at))

    async def check(self, method: str, query: Mapping[str, str]) -> SignedFile:
        """The file that the query of a request is for. Raises AddressRefused."""
        return await _in_thread(lambda: self._signer.check(method, query, time.time()))

    async def receive(self, file: SignedFile, chunks: AsyncIterator[bytes]) -> None:
        """Store what a client sends to the address of a file, the first time alone.

        Raises FileOverLimit, FileIncomplete, FileStoredAlready, StorageFull,
        ObjectStorageUnavailable, or what `chunks` raises; nothing is stored then.
        """
        path = self._path(file.key)
        if await _in_thread(path.exists):
            raise FileStoredAlready(file.key)
        await _in_thread(lambda: self._require_space(file.size_bytes))
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
        try:
            await _write(draft, chunks, file.size_bytes)
            await _in_thread(lambda: _link(draft, path))
        finally:
            await _in_thread(lambda: draft.unlink(missing_ok=True))

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        path = self._path(key)

        def write() -> None:
            self._require_space(len(data))
            draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
            try:
                with _open_new(draft) as file:
                    file.write(data)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

        await _in_thread(write)

    async def size_bytes(self, key: str) -> int:
        return await _in_thread(lambda: self._path(key).stat().st_size)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        file = await _in_thread(lambda: self._path(key).open("rb"))
        try:
            while chunk := await _in_thread(lambda: file.read(CHUNK_BYTES)):
                yield chunk
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        await _in_thread(lambda: self._path(key).unlink(missing_ok=True))

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _require_space(self, size_bytes: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self._folder).free < size_bytes + self._reserved_bytes:
            raise StorageFull("The disk of the files is full.")

    def _path(self, key: str) -> Path:
        return self._folder / require_key(key)


async def _write(path: Path, chunks: AsyncIterator[bytes], size_bytes: int) -> None:
    """Write exactly so many bytes. Raises FileOverLimit, FileIncomplete."""
    size = 0
    file = await _in_thread(lambda: _open_new(path))
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > size_bytes:
                raise FileOverLimit(size_bytes)
            await _in_thread(partial(file.write, bytes(chunk)))
    finally:
        await _in_thread(file.close)
    if size < size_bytes:
        raise FileIncomplete(f"{size:,} of {size_bytes:,} bytes have arrived.")


def _link(draft: Path, path: Path) -> None:
    """Give a complete file its name, if no other has it. Raises FileStoredAlready."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise FileStoredAlready(path.name) from None


def _open_new(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb")


async def _in_thread(work: Callable[[], T]) -> T:
    """Run work on the disk in a thread.

    Raises FileMissing for a file that is not there, ObjectStorageUnavailable for other errors of
    the disk.
    """
    try:
        return await asyncio.to_thread(work)
    except FileNotFoundError as error:
        raise FileMissing(str(error.filename)) from None
    except OSError as error:
        raise ObjectStorageUnavailable(f"The folder of files: {error.strerror}.") from error
