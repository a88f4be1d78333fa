"""Password hashing with argon2id, in threads outside the event loop, at most one per core."""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 19_456
TIME_COST = 2
PARALLELISM = 1
MAX_PASSWORD_LENGTH = 128
MAX_WAITING = 64

Result = TypeVar("Result")
_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


class PasswordsBusy(Exception):
    """Too many password checks are waiting."""


def normalize_password(text: str) -> str:
    """Return the form (NFKC) that keyboards of all systems agree on: `é` may be one sign or two."""
    return unicodedata.normalize("NFKC", text)


def hash_password(text: str) -> str:
    """Return the argon2id hash of a password, with a random salt, as a PHC string."""
    return _HASHER.hash(normalize_password(text))


def verify_password(stored: str, text: str) -> bool:
    """Return whether the password matches a stored hash; takes tens of milliseconds.

    A hash that was made before passwords were normalized matches the text as it was typed.
    """
    normalized = normalize_password(text)
    return _matches(stored, normalized) or (normalized != text and _matches(stored, text))


def needs_rehash(stored: str, text: str) -> bool:
    """Return whether a hash that matches should be made again: of the normalized form, or with
    the present parameters. Computes a hash only for a text that is not normalized."""
    normalized = normalize_password(text)
    outdated = normalized != text and not _matches(stored, normalized)
    return outdated or _HASHER.check_needs_rehash(stored)


def _matches(stored: str, text: str) -> bool:
    try:
        return _HASHER.verify(stored, text)
    except (VerificationError, InvalidHashError):
        return False


class PasswordChecker:
    """Checks passwords in threads; a check for an unknown account also computes one hash."""

    def __init__(self, cores: int | None = None) -> None:
        self._slots = asyncio.Semaphore(cores or os.cpu_count() or 1)
        self._waiting = 0
        self._dummy_hash: str | None = None

    async def hash(self, text: str) -> str:
        """Return the hash of a new password. Raises PasswordsBusy."""
        return await self._run(hash_password, text)

    async def check(self, stored: str | None, text: str) -> bool:
        """Return whether the password matches; takes equally long if `stored` is None.

        Raises PasswordsBusy if too many checks are waiting.
        """
        if self._dummy_hash is None:
            self._dummy_hash = await self._run(hash_password, os.urandom(16).hex())
        matches = await self._run(verify_password, stored or self._dummy_hash, text)
        return matches and stored is not None

    async def _run(self, work: Callable[..., Result], *arguments: str) -> Result:
        if self._waiting >= MAX_WAITING:
            raise PasswordsBusy
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1
