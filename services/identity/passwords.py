"""Password hashing with argon2id, in threads outside the event loop, at most one per core."""

import asyncio
import os

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 19_456
TIME_COST = 2
PARALLELISM = 1
MAX_PASSWORD_LENGTH = 128
MAX_WAITING = 64

_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


class PasswordsBusy(Exception):
    """Too many password checks are waiting."""


def hash_password(text: str) -> str:
    """Return the argon2id hash of a password, with a random salt, as a PHC string."""
    return _HASHER.hash(text)


def verify_password(stored: str, text: str) -> bool:
    """Return whether the password matches a stored hash; takes tens of milliseconds."""
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

    async def check(self, stored: str | None, text: str) -> bool:
        """Return whether the password matches; takes equally long if `stored` is None.

        Raises PasswordsBusy if too many checks are waiting.
        """
        if self._waiting >= MAX_WAITING:
            raise PasswordsBusy
        self._waiting += 1
        try:
            async with self._slots:
                if self._dummy_hash is None:
                    self._dummy_hash = await asyncio.to_thread(hash_password, os.urandom(16).hex())
                matches = await asyncio.to_thread(verify_password, stored or self._dummy_hash, text)
        finally:
            self._waiting -= 1
        return matches and stored is not None
