"""Passwords: argon2id with the house's cost, hashed off the event loop, at most one a core."""

import asyncio
import os

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 19_456
TIME_COST = 2
PARALLELISM = 1
LENGTH_MOST = 128
WAITING_COUNT = 64

_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


class PasswordsBusy(Exception):
    """So many passwords wait to be checked that another one would wait too long."""


def hash_password(text: str) -> str:
    """The argon2id hash of a password, with its own salt, as a PHC string."""
    return _HASHER.hash(text)


def matches(stored: str, text: str) -> bool:
    """Whether `text` is the password behind a stored hash; takes tens of milliseconds."""
    try:
        return _HASHER.verify(stored, text)
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """Checks passwords in threads; an unknown account costs exactly one hash too."""

    def __init__(self, cores: int | None = None) -> None:
        self._turns = asyncio.Semaphore(cores or os.cpu_count() or 1)
        self._waiting = 0
        self._nobody: str | None = None

    async def check(self, stored: str | None, text: str) -> bool:
        """Whether the password is right, after the same work whether `stored` is there or not.

        Raises PasswordsBusy when too many wait already.
        """
        if self._waiting >= WAITING_COUNT:
            raise PasswordsBusy
        self._waiting += 1
        try:
            async with self._turns:
                if self._nobody is None:
                    self._nobody = await asyncio.to_thread(hash_password, os.urandom(16).hex())
                right = await asyncio.to_thread(matches, stored or self._nobody, text)
        finally:
            self._waiting -= 1
        return right and stored is not None
