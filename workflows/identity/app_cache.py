"""Caches the app of each secret for four seconds."""

import logging
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, AppScope, app_grants
from models.integrations import App, AppSecret, AppSecretKind
from services.identity.app_secrets import hash_secret, is_well_formed
from workflows.identity.secret_index import SecretIndex

log = logging.getLogger("darkstore.apps")

Key = TypeVar("Key")
Value = TypeVar("Value")

CACHE_SECONDS = 4.0
MAX_SECRETS = 10_000
MAX_ABSENT = 1_000
LAST_USED_UPDATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class AppCredential:
    """A valid secret of an active app, with the app's current scopes."""

    secret_id: UUID
    kind: AppSecretKind
    app_id: UUID
    company_id: UUID
    person_id: UUID
    scopes: frozenset[AppScope]

    def actor(self, scopes: frozenset[AppScope] | None = None) -> Actor:
        """Return the app as an actor, with all of its scopes or some of them."""
        actor_scopes = self.scopes if scopes is None else self.scopes & scopes
        grants = app_grants(self.company_id)
        return Actor(self.person_id, self.secret_id, grants, self.app_id, actor_scopes)


CacheEntry = tuple[float, AppCredential]


class AppCache:
    """Finds apps by their secrets; one instance per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[Hashable, CacheEntry] = OrderedDict()
        self._absent: OrderedDict[Hashable, float] = OrderedDict()
        """Secrets that were not valid, and when; apart, so that they displace no valid one."""
        self._last_used: OrderedDict[UUID, float] = OrderedDict()
        self.index = SecretIndex(database)

    async def find_by_secret(self, text: str, kind: AppSecretKind) -> AppCredential | None:
        """Return the app of a secret; None unless it is a valid one of this kind."""
        if not is_well_formed(text):
            return None
        secret_hash = hash_secret(text)
        credential = await self._find(
            secret_hash, _valid_secrets().where(AppSecret.hash == secret_hash)
        )
        return credential if credential is not None and credential.kind is kind else None

    async def find_by_secret_id(self, secret_id: UUID | None) -> AppCredential | None:
        """Return the app of the secret that an access token was issued for; None if not valid."""
        if secret_id is None:
            return None
        return await self._find(secret_id, _valid_secrets().where(AppSecret.id == secret_id))

    def clear(self) -> None:
        """Empty the cache, after a secret was revoked or an app was changed."""
        self._cache.clear()
        self._absent.clear()

    async def _find(self, key: Hashable, query: Select[*tuple[Any, ...]]) -> AppCredential | None:
        now = time.monotonic()
        entry = self._cache.get(key)
        if entry is not None and now - entry[0] < CACHE_SECONDS:
            return entry[1]
        if now - self._absent.get(key, -CACHE_SECONDS) < CACHE_SECONDS:
            return None
        async with self._database.read(PLATFORM) as session:
            row = (await session.execute(query)).first()
        if row is None:
            self._cache.pop(key, None)
            _remember(self._absent, key, now, MAX_ABSENT)
            return None
        credential = _credential(*row)
        _remember(self._cache, key, (now, credential), MAX_SECRETS)
        await self._record_use(credential, now)
        return credential

    async def _record_use(self, credential: AppCredential, now: float) -> None:
        """Update the last use of a secret, at most once per minute over all processes."""
        if (
            now - self._last_used.get(credential.secret_id, -LAST_USED_UPDATE_SECONDS)
            < LAST_USED_UPDATE_SECONDS
        ):
            return
        _remember(self._last_used, credential.secret_id, now, MAX_SECRETS)
        threshold = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, LAST_USED_UPDATE_SECONDS)
        try:
            async with self._database.write(PLATFORM, AuditContext("app.secret_used")) as session:
                await session.execute(
                    update(AppSecret)
                    .where(
                        AppSecret.id == credential.secret_id,
                        or_(AppSecret.last_used_at.is_(None), AppSecret.last_used_at < threshold),
                    )
                    .values(last_used_at=func.now())
                )
        except Exception:
            # The request continues: the last use is only informative.
            log.warning("The last use of an app secret could not be stored.", exc_info=True)


def _remember(entries: OrderedDict[Key, Value], key: Key, value: Value, maximum: int) -> None:
    """Add an entry as the newest one, and drop the oldest one beyond the maximum."""
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > maximum:
        entries.popitem(last=False)


def _valid_secrets() -> Select[*tuple[Any, ...]]:
    return (
        select(AppSecret.id, AppSecret.type, App.id, App.company_id, App.person_id, App.opened)
        .join(App, App.id == AppSecret.app_id)
        .where(
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.now(),
            App.revoked_at.is_(None),
        )
    )


def _credential(
    secret: UUID, kind: AppSecretKind, app: UUID, company: UUID, person: UUID, opened: list[str]
) -> AppCredential:
    return AppCredential(
        secret_id=UUID(str(secret)),
        kind=AppSecretKind(kind),
        app_id=UUID(str(app)),
        company_id=UUID(str(company)),
        person_id=UUID(str(person)),
        scopes=frozenset(scope for scope in AppScope if scope in opened),
    )
