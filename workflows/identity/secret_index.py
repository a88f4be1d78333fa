"""Which secrets of apps were issued, known by one statement a second at most."""

import asyncio
import time
from collections.abc import Callable
from itertools import islice
from uuid import UUID

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.integrations import AppSecret
from services.identity.app_secrets import hash_secret, is_well_formed

REFRESH_SECONDS = 1.0
MAX_SECRETS = 200_000
OVERLAP_MS = 300_000
"""Ids begin with the milliseconds of their process: rows may appear later than greater ones."""
_MS_SHIFT = 80  # an id of version 7: 48 bits of milliseconds before 80 others


class SecretIndex:
    """The hashes of the newest secrets, also of those that have ended; one instance per process.

    It answers whether a secret is worth a look-up when the network that sends it has failed too
    often. Secrets are read all at once, so a million invented ones cost as much as a single one,
    and shut out nobody; only those that are new since the last time are read again.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._hashes: dict[bytes, None] = {}
        self._last_id: UUID | None = None
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def contains(self, text: str) -> bool:
        """Return whether a secret was issued; one of the last second may be unknown for it."""
        if not is_well_formed(text):
            return False
        secret_hash = hash_secret(text)
        if secret_hash not in self._hashes:
            await self._refresh()
        return secret_hash in self._hashes

    async def _refresh(self) -> None:
        async with self._reading:
            now = self._clock()
            if self._read_at is not None and now - self._read_at < REFRESH_SECONDS:
                return
            # Also when it fails: a database that is away is asked no more often.
            self._read_at = now
            await self._read()

    async def _read(self) -> None:
        query = select(AppSecret.id, AppSecret.hash).order_by(AppSecret.id.desc())
        if self._last_id is not None:
            since = max(0, self._last_id.int - (OVERLAP_MS << _MS_SHIFT))
            query = query.where(AppSecret.id > UUID(int=since))
        async with self._database.read(PLATFORM) as session:
            rows = (await session.execute(query.limit(MAX_SECRETS))).all()
        for row in reversed(rows):
            self._hashes.setdefault(bytes(row.hash))
        excess = len(self._hashes) - MAX_SECRETS
        for oldest in list(islice(self._hashes, max(0, excess))):
            del self._hashes[oldest]
        if rows:
            self._last_id = UUID(str(rows[0].id))
