"""Files that people send: kept whole or not at all, read in pieces, forgotten again."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
WRITE_BYTES = 1024 * 1024
FOLDER_BYTES = 4 * 1024**3
UNFINISHED = ".part"


class StorageFault(Exception):
    """The file was not kept, or is not there."""


class FileTooLarge(StorageFault):
    """More came than a file may have; `most_bytes` is how much that is."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"A file has at most {most_bytes} bytes.")
        self.most_bytes = most_bytes


class StorageFull(StorageFault):
    """There is no room for another file now."""


class FileMissing(StorageFault):
    """There is no file of that name."""


class Storage(Protocol):
    """A place for files, named by whoever keeps them."""

    async def keep(self, name: str, chunks: AsyncIterator[bytes], most_bytes: int) -> int:
        """Keep what comes, answering its size; raises FileTooLarge or StorageFull, keeping nothing.

        Whatever `chunks` raises is raised, and nothing is kept then either.
        """

    async def read(self, name: str, start: int, most_bytes: int) -> bytes:
        """The bytes from `start` on, empty at the end; raises FileMissing."""

    async def forget(self, name: str) -> None:
        """Let go of a file; nothing happens when it is gone already."""

    async def forget_older(self, seconds: float) -> int:
        """Let go of files older than this; answers how many."""


class DiskStorage:
    """Files in one folder, which every process of an installation shares."""

    def __init__(self, folder: Path, most_bytes: int = FOLDER_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    async def keep(self, name: str, chunks: AsyncIterator[bytes], most_bytes: int) -> int:
        path = self._path(name)
        part = path.with_name(f"{name}.{secrets.token_hex(4)}{UNFINISHED}")
        room = self._most_bytes - await asyncio.to_thread(self._used)
        try:
            size = await self._write(part, chunks, most_bytes, room)
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return size

    async def _write(
        self, part: Path, chunks: AsyncIterator[bytes], most_bytes: int, room: int
    ) -> int:
        size, waiting = 0, bytearray()
        with await asyncio.to_thread(_opened, part) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > most_bytes:
                    raise FileTooLarge(most_bytes)
                if size > room:
                    raise StorageFull("The folder of files is full.")
                waiting += chunk
                if len(waiting) >= WRITE_BYTES:
                    await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(file.write, bytes(waiting))
        return size

    async def read(self, name: str, start: int, most_bytes: int) -> bytes:
        return await asyncio.to_thread(self._read, name, start, most_bytes)

    def _read(self, name: str, start: int, most_bytes: int) -> bytes:
        try:
            with self._path(name).open("rb") as file:
                file.seek(start)
                return file.read(most_bytes)
        except FileNotFoundError:
            raise FileMissing(name) from None

    async def forget(self, name: str) -> None:
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)

    async def forget_older(self, seconds: float) -> int:
        return await asyncio.to_thread(self._forget_older, time.time() - seconds)

    def _forget_older(self, moment: float) -> int:
        if not self._folder.is_dir():
            return 0
        gone = 0
        for path in self._folder.iterdir():
            # Another process may have been faster.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < moment:
                    path.unlink()
                    gone += 1
        return gone

    def _used(self) -> int:
        if not self._folder.is_dir():
            return 0
        used = 0
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                used += path.stat().st_size
        return used

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise FileMissing(name)
        return self._folder / name


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb")
