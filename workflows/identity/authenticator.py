"""The authenticator of a process: access tokens, rights of sessions, passwords, apps, limits."""

import hmac
import time
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from database.sessions import Database
from models.identity import Actor
from services.core.address_rate_limit import AddressRateLimit
from services.core.idempotency import KeyedLocks
from services.core.rate_limiter import RateLimiter
from services.identity.access_tokens import (
    ACCESS_TOKEN_SECONDS,
    KeyRing,
    TokenClaims,
    load_keys,
    modified_at_ns,
)
from services.identity.password_queue import PasswordQueue
from workflows.identity.app_cache import AppCache
from workflows.identity.session_grants import Grants, SessionGrants

Key = TypeVar("Key")
Value = TypeVar("Value")
MAX_CACHED_CLAIMS = 10_000
MAX_GUESTS_PER_ADDRESS = 60
MAX_LINKS_PER_ADDRESS = 30
MAX_SIGN_INS_PER_ADDRESS = 300
KEY_RELOAD_SECONDS = 5.0


class Authenticator:
    """Signs and verifies access tokens; what a session may do is known for four seconds."""

    def __init__(self, *, keys_file: Path, database: Database) -> None:
        self._keys_file = keys_file
        self._keys: KeyRing = load_keys(keys_file)
        self._modified_at = modified_at_ns(keys_file)
        self._checked_at = time.monotonic()
        self._claims: OrderedDict[bytes, TokenClaims] = OrderedDict()
        self.passwords = PasswordQueue()
        self.session_grants = SessionGrants(database)
        self.apps = AppCache(database)
        self.locks = KeyedLocks()
        self.strangers = RateLimiter()
        """What client networks may do without a sign-in; processes share it if they can."""
        self.guest_limit = self.limit_of("guests were started", MAX_GUESTS_PER_ADDRESS)
        self.link_limit = self.limit_of("links were asked for", MAX_LINKS_PER_ADDRESS)
        self.sign_in_limit = self.limit_of("sign-ins were tried", MAX_SIGN_INS_PER_ADDRESS)

    def limit_of(self, attempts: str, per_hour: int) -> AddressRateLimit:
        """A limit for attempts of strangers, counted with the others of this process."""
        return AddressRateLimit(attempts, per_hour, self.strangers)

    def sign(self, actor: Actor, expires_at: float | None = None) -> tuple[str, float]:
        """Return an access token valid for ten minutes and its expiry as Unix time.

        With `expires_at` the token gets that expiry and the matching issue time.
        """
        return self._current_keys().sign(
            actor, None if expires_at is None else expires_at - ACCESS_TOKEN_SECONDS
        )

    def verify(self, token: str) -> TokenClaims:
        """Return the claims of a token, without I/O. Raises InvalidAccessToken."""
        cached = self.cached_claims(token)
        if cached is not None:
            return cached
        claims = self._keys_for(token).verify(token)
        _store(self._claims, _hash(token), claims, MAX_CACHED_CLAIMS)
        return claims

    def cached_claims(self, token: str) -> TokenClaims | None:
        """Return the claims of a token that was verified before and has not expired."""
        token_hash = _hash(token)
        claims = self._claims.get(token_hash)
        if claims is None or time.time() >= claims.accepted_until:
            return None
        self._claims.move_to_end(token_hash)
        return claims

    async def is_alive(self, session_id: UUID | None) -> bool:
        """Return whether a session is valid; results are cached for four seconds."""
        return await self._grants(session_id) is not None

    async def current_actor(self, actor: Actor) -> Actor | None:
        """Return the person of a token with the roles that they still have.

        None when the session has ended.
        """
        grants = await self._grants(actor.session_id)
        return None if grants is None else actor.limited_to(grants)

    def cached_actor(self, actor: Actor) -> Actor | None:
        """Return what `current_actor` does, if the session is known and valid; None otherwise."""
        known = self.session_grants
        if actor.session_id is None or not known.is_known(actor.session_id):
            return None
        grants = known.known_grants(actor.session_id)
        return None if grants is None else actor.limited_to(grants)

    def forget_sessions(self, *session_ids: UUID) -> None:
        """Read sessions again when they are used next: they, or roles of theirs, were revoked."""
        for session_id in session_ids:
            self.session_grants.forget(session_id)

    async def forget_person(self, person_id: UUID) -> None:
        """Read the sessions of a person again when they are used next."""
        self.forget_sessions(*await self.session_grants.sessions_of(person_id))

    def jwks(self) -> dict[str, object]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        return self._current_keys().jwks()

    def keyed_hash(self, purpose: str, *parts: str) -> bytes:
        """Return a keyed hash (HMAC-SHA256) of texts, with the installation's secret."""
        message = "\0".join((purpose, *parts)).encode()
        return hmac.digest(self._keys.secret, message, "sha256")

    async def _grants(self, session_id: UUID | None) -> Grants | None:
        if session_id is None:
            return None
        if self.session_grants.is_known(session_id):
            return self.session_grants.known_grants(session_id)
        return await self.session_grants.grants(session_id)

    def _current_keys(self) -> KeyRing:
        """Return the keys; reload them if the file was modified since the last check."""
        if time.monotonic() - self._checked_at > KEY_RELOAD_SECONDS:
            self._checked_at = time.monotonic()
            if (modified_at := modified_at_ns(self._keys_file)) != self._modified_at:
                self._keys, self._modified_at = load_keys(self._keys_file), modified_at
        return self._keys

    def _keys_for(self, token: str) -> KeyRing:
        """Return the keys; reload them if the token names a key that another process added."""
        if (
            not self._keys.has_key_of(token)
            and time.monotonic() - self._checked_at > KEY_RELOAD_SECONDS
        ):
            self._checked_at = time.monotonic()
            self._keys = load_keys(self._keys_file)
        return self._keys


def _hash(token: str) -> bytes:
    """Return the cache key of a token; tokens themselves are not kept in memory."""
    return sha256(token.encode(errors="replace")).digest()


def _store(cache: OrderedDict[Key, Value], key: Key, value: Value, max_entries: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > max_entries:
        cache.popitem(last=False)
