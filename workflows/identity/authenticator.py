"""Who is who: one handle of a process for access tokens, live sessions, passwords and secrets."""

import hmac
import time
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from database.sessions import Database
from models.identity import Actor
from services.core.address_rate_limit import Pace
from services.core.idempotency import Turns
from services.identity.access_tokens import (
    ACCESS_SECONDS,
    Claims,
    KeyRing,
    load_keys,
    written_at,
)
from services.identity.passwords import Passwords
from workflows.identity.app_cache import Apps
from workflows.identity.session_grants import Standing
from workflows.identity.session_liveness import Roll

Key = TypeVar("Key")
Value = TypeVar("Value")
CLAIMS_COUNT = 10_000
SESSIONS_COUNT = 50_000
GUESTS_COUNT = 60
SIGN_INS_COUNT = 300
ALIVE_SECONDS = 5.0
RELOAD_SECONDS = 5.0


class Identity:
    """Signs and reads access tokens, and knows for five seconds whether a session is alive."""

    def __init__(self, *, keys_file: Path, database: Database) -> None:
        self._file = keys_file
        self._ring: KeyRing = load_keys(keys_file)
        self._written = written_at(keys_file)
        self._looked_at = time.monotonic()
        self._claims: OrderedDict[bytes, Claims] = OrderedDict()
        self._alive: OrderedDict[UUID, tuple[float, bool]] = OrderedDict()
        self._roll = Roll(database)
        self.passwords = Passwords()
        self.standing = Standing(database)
        self.apps = Apps(database)
        self.turns = Turns()
        self.guests = Pace("guests were started", GUESTS_COUNT)
        self.sign_ins = Pace("sign-ins were tried", SIGN_INS_COUNT)

    def sign(self, actor: Actor, ends: float | None = None) -> tuple[str, float]:
        """An access token of ten minutes, and the Unix time at which it ends (or `ends`)."""
        return self._fresh().sign(actor, None if ends is None else ends - ACCESS_SECONDS)

    def read(self, token: str) -> Claims:
        """Who a token speaks for; no input or output. Raises BadToken with a sentence to show."""
        known = self.remembered(token)
        if known is not None:
            return known
        claims = self._ring_for(token).read(token)
        _remember(self._claims, _mark(token), claims, CLAIMS_COUNT)
        return claims

    def remembered(self, token: str) -> Claims | None:
        """Who a token speaks for, if it was read before and is not over."""
        mark = _mark(token)
        known = self._claims.get(mark)
        if known is None or time.time() >= known.expires_at:
            return None
        self._claims.move_to_end(mark)
        return known

    async def alive(self, session_id: UUID | None) -> bool:
        """Whether a session still stands; an answer is believed for five seconds."""
        if session_id is None:
            return False
        known = self.stands(session_id)
        if known is not None:
            return known
        found = await self._roll.standing(session_id)
        _remember(self._alive, session_id, (time.monotonic(), found), SESSIONS_COUNT)
        return found

    def stands(self, session_id: UUID | None) -> bool | None:
        """Whether a session was alive in these last seconds; None when it was not asked for."""
        if session_id is None:
            return None
        known = self._alive.get(session_id)
        if known is not None and time.monotonic() - known[0] < ALIVE_SECONDS:
            return known[1]
        return True if self.standing.seen(session_id, ALIVE_SECONDS) else None

    def forget(self, *session_ids: UUID) -> None:
        """Ask the database again about these sessions: they have just been revoked."""
        for session_id in session_ids:
            self._alive.pop(session_id, None)
            self.standing.forget(session_id)

    def jwks(self) -> dict[str, object]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return self._fresh().jwks()

    def mark(self, purpose: str, *parts: str) -> bytes:
        """A keyed hash (HMAC-SHA256) of some text: useless to a thief of the database."""
        message = "\0".join((purpose, *parts)).encode()
        return hmac.digest(self._ring.secret, message, "sha256")

    def _fresh(self) -> KeyRing:
        """The keys, read again when their file was written since the last look."""
        if time.monotonic() - self._looked_at > RELOAD_SECONDS:
            self._looked_at = time.monotonic()
            if (written := written_at(self._file)) != self._written:
                self._ring, self._written = load_keys(self._file), written
        return self._ring

    def _ring_for(self, token: str) -> KeyRing:
        """The keys, read again when a token names one that another process has rotated in."""
        if not self._ring.knows(token) and time.monotonic() - self._looked_at > RELOAD_SECONDS:
            self._looked_at = time.monotonic()
            self._ring = load_keys(self._file)
        return self._ring


def _mark(token: str) -> bytes:
    """What a token is known by: the tokens themselves are not kept."""
    return sha256(token.encode(errors="replace")).digest()


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)
