"""Which app a secret speaks for, believed for five seconds and asked of the database then."""

import logging
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.identity import Actor, AppScope, acting_for
from models.integrations import App, AppSecret, AppSecretKind
from services.identity.app_secrets import hashed, sound

log = logging.getLogger("darkstore.apps")

ALIVE_SECONDS = 5.0
SECRETS_COUNT = 10_000
USED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Holder:
    """A live secret of a live app, and what the app may do now."""

    secret_id: UUID
    kind: AppSecretKind
    app_id: UUID
    company_id: UUID
    person_id: UUID
    scopes: frozenset[AppScope]

    def actor(self, scopes: frozenset[AppScope] | None = None) -> Actor:
        """The app as one who asks, with all of its scopes or with some of them."""
        given = self.scopes if scopes is None else self.scopes & scopes
        grants = acting_for(self.company_id)
        return Actor(self.person_id, self.secret_id, grants, self.app_id, given)


Remembered = tuple[float, Holder | None]


class Apps:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[Hashable, Remembered] = OrderedDict()
        self._used: OrderedDict[UUID, float] = OrderedDict()

    async def of_text(self, text: str, kind: AppSecretKind) -> Holder | None:
        """Whose secret a text is; None when it is no live one of this kind."""
        if not sound(text):
            return None
        mark = hashed(text)
        found = await self._asked(mark, _live().where(AppSecret.hash == mark))
        return found if found is not None and found.kind is kind else None

    async def of_secret(self, secret_id: UUID | None) -> Holder | None:
        """The app behind the secret that an access token was made for; None when that ended."""
        if secret_id is None:
            return None
        return await self._asked(secret_id, _live().where(AppSecret.id == secret_id))

    def forget(self) -> None:
        """Ask the database again about every secret: one was revoked, or an app was changed."""
        self._known.clear()

    async def _asked(self, key: Hashable, query: Select[*tuple[Any, ...]]) -> Holder | None:
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < ALIVE_SECONDS:
            return known[1]
        async with self._database.read(PLATFORM) as session:
            row = (await session.execute(query)).first()
        holder = None if row is None else _holder(*row)
        self._known[key] = now, holder
        self._known.move_to_end(key)
        if len(self._known) > SECRETS_COUNT:
            self._known.popitem(last=False)
        if holder is not None:
            await self._note(holder, now)
        return holder

    async def _note(self, holder: Holder, now: float) -> None:
        """Write that a secret is in use, once a minute whichever process sees it."""
        if now - self._used.get(holder.secret_id, -USED_SECONDS) < USED_SECONDS:
            return
        self._used[holder.secret_id] = now
        if len(self._used) > SECRETS_COUNT:
            self._used.popitem(last=False)
        long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, USED_SECONDS)
        try:
            async with self._database.write(PLATFORM, Origin("app.secret_used")) as session:
                await session.execute(
                    update(AppSecret)
                    .where(
                        AppSecret.id == holder.secret_id,
                        or_(AppSecret.last_used_at.is_(None), AppSecret.last_used_at < long_ago),
                    )
                    .values(last_used_at=func.now())
                )
        except Exception:
            # Whoever asks is let in all the same: this is for people who tidy up.
            log.warning("the use of a secret could not be noted", exc_info=True)


def _live() -> Select[*tuple[Any, ...]]:
    return (
        select(AppSecret.id, AppSecret.kind, App.id, App.company_id, App.person_id, App.opened)
        .join(App, App.id == AppSecret.app_id)
        .where(
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.now(),
            App.revoked_at.is_(None),
        )
    )


def _holder(
    secret: UUID, kind: AppSecretKind, app: UUID, company: UUID, person: UUID, opened: list[str]
) -> Holder:
    return Holder(
        secret_id=UUID(str(secret)),
        kind=AppSecretKind(kind),
        app_id=UUID(str(app)),
        company_id=UUID(str(company)),
        person_id=UUID(str(person)),
        scopes=frozenset(scope for scope in AppScope if scope in opened),
    )
