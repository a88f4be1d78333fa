"""Stores uploaded files: written atomically, read in chunks, deleted after use."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol

FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
WRITE_BUFFER_BYTES = 1024 * 1024
MAX_FOLDER_BYTES = 4 * 1024**3
PARTIAL_SUFFIX = ".part"


class StorageError(Exception):
    """A file could not be stored or read."""


class FileOverLimit(StorageError):
    """The file is larger than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"A file has at most {max_bytes:,} bytes.")
        self.max_bytes = max_bytes


class StorageFull(StorageError):
    """The storage has no capacity for another file."""


class FileMissing(StorageError):
    """There is no file with this name."""


class FileStorage(Protocol):
    """A store of files; the caller names them."""

    async def store(self, name: str, chunks: AsyncIterator[bytes], max_bytes: int) -> int:
        """Store the chunks as one file; returns its size in bytes.

        Raises FileOverLimit, StorageFull, or what `chunks` raises; nothing is stored then.
        """

    async def read(self, name: str, start: int, max_bytes: int) -> bytes:
        """Up to `max_bytes` from `start` on, empty at the end. Raises FileMissing."""

    async def delete(self, name: str) -> None:
        """Delete a file, if it exists."""

    async def delete_older(self, seconds: float) -> int:
        """Delete files older than this; returns how many."""


class DiskStorage:
    """Files in one folder, which all processes of an installation share."""

    def __init__(self, folder: Path, max_bytes: int = MAX_FOLDER_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def store(self, name: str, chunks: AsyncIterator[bytes], max_bytes: int) -> int:
        path = self._path(name)
        partial_path = path.with_name(f"{name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
        free_bytes = self._max_bytes - await asyncio.to_thread(self._used_bytes)
        try:
            size = await self._write(partial_path, chunks, max_bytes, free_bytes)
            await asyncio.to_thread(partial_path.replace, path)
        finally:
            await asyncio.to_thread(partial_path.unlink, missing_ok=True)
        return size

    async def _write(
        self, path: Path, chunks: AsyncIterator[bytes], max_bytes: int, free_bytes: int
    ) -> int:
        size, buffer = 0, bytearray()
        with await asyncio.to_thread(_open_new, path) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise FileOverLimit(max_bytes)
                if size > free_bytes:
                    raise StorageFull("The folder of files is full.")
                buffer += chunk
                if len(buffer) >= WRITE_BUFFER_BYTES:
                    await asyncio.to_thread(file.write, bytes(buffer))
                    buffer.clear()
            await asyncio.to_thread(file.write, bytes(buffer))
        return size

    async def read(self, name: str, start: int, max_bytes: int) -> bytes:
        return await asyncio.to_thread(self._read, name, start, max_bytes)

    def _read(self, name: str, start: int, max_bytes: int) -> bytes:
        try:
            with self._path(name).open("rb") as file:
                file.seek(start)
                return file.read(max_bytes)
        except FileNotFoundError:
            raise FileMissing(name) from None

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)

    async def delete_older(self, seconds: float) -> int:
        return await asyncio.to_thread(self._delete_older, time.time() - seconds)

    def _delete_older(self, before: float) -> int:
        if not self._folder.is_dir():
            return 0
        deleted = 0
        for path in self._folder.iterdir():
            # Another process may delete the file at the same time.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < before:
                    path.unlink()
                    deleted += 1
        return deleted

    def _used_bytes(self) -> int:
        if not self._folder.is_dir():
            return 0
        used_bytes = 0
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                used_bytes += path.stat().st_size
        return used_bytes

    def _path(self, name: str) -> Path:
        if not FILE_NAME.fullmatch(name):
            raise FileMissing(name)
        return self._folder / name


def _open_new(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb")
