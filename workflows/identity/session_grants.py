"""Reads whether sessions are alive and what their people may do now, for many by one statement.

The access of every subscriber is checked again every few seconds. Checks within the same quarter of
a second share one statement, so ten thousand subscribers cost a few statements a second.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, func, select

from database.coalescer import Coalescer
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from models.accounts import Membership
from models.identity import AppScope, Grant, SignInSession, app_grants
from models.integrations import App, AppSecret

GATHER_SECONDS = 0.25
MAX_SESSIONS = 1_000
"""In one statement."""
MAX_CONFIRMED_SESSIONS = 100_000
Grants = frozenset[Grant | AppScope]
"""What somebody may do now: the roles of a person; those of an app, and its scopes."""
_SESSION_GRANTS = prepared(
    select(SignInSession.id, Membership.role, Membership.company_id, Membership.store_id)
    .outerjoin(
        Membership,
        (Membership.person_id == SignInSession.person_id) & Membership.revoked_at.is_(None),
    )
    .where(
        SignInSession.id == any_(bindparam("keys", type_=ARRAY(Uuid))),
        SignInSession.revoked_at.is_(None),
        SignInSession.expires_at > func.now(),
    )
)


class SessionGrants:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._confirmed: OrderedDict[UUID, float] = OrderedDict()
        self._grants: Coalescer[UUID, Grants | None] = Coalescer(
            self._read_each, max_keys=MAX_SESSIONS, gather_seconds=GATHER_SECONDS
        )

    async def grants(self, session_id: UUID) -> Grants | None:
        """The roles that the session's person has now; None when the session has ended."""
        return await self._grants.load(session_id)

    def confirmed_within(self, session_id: UUID, seconds: float) -> bool:
        """Whether a check found the session alive in these last seconds."""
        at = self._confirmed.get(session_id)
        return at is not None and time.monotonic() - at < seconds

    def forget(self, session_id: UUID) -> None:
        """Regard a session as unconfirmed until it is read again."""
        self._confirmed.pop(session_id, None)

    async def grants_of(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        """The roles that the people of these sessions have now, without ended sessions."""
        grants: dict[UUID, Grants] = {}
        for start in range(0, len(session_ids), MAX_SESSIONS):
            grants.update(await self._read(session_ids[start : start + MAX_SESSIONS]))
        return grants

    async def _read_each(self, session_ids: Sequence[UUID]) -> list[Grants | None]:
        grants = await self._read(session_ids)
        return [grants.get(session_id) for session_id in session_ids]

    async def _read(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        """The grants of the sessions that are alive, which are confirmed as of now."""
        asked_at = time.monotonic()
        grants: dict[UUID, set[Grant | AppScope]] = {}
        async with self._database.read(PLATFORM) as session:
            rows = await session.execute(_SESSION_GRANTS, {"keys": [*session_ids]})
            for session_id, role, company_id, store_id in rows:
                roles = grants.setdefault(UUID(str(session_id)), set())
                if role is not None:
                    roles.add(Grant(role, company_id, store_id))
            if others := [one for one in session_ids if one not in grants]:
                for secret_id, company_id, opened in await session.execute(_of_apps(others)):
                    scopes = (one for one in AppScope if one in opened)
                    grants[UUID(str(secret_id))] = {*app_grants(UUID(str(company_id))), *scopes}
        for session_id in grants:
            self._confirm(session_id, asked_at)
        return {session_id: frozenset(held) for session_id, held in grants.items()}

    def _confirm(self, session_id: UUID, at: float) -> None:
        self._confirmed[session_id] = at
        self._confirmed.move_to_end(session_id)
        if len(self._confirmed) > MAX_CONFIRMED_SESSIONS:
            self._confirmed.popitem(last=False)


def _of_apps(secret_ids: Sequence[UUID]) -> Select[UUID, UUID, list[str]]:
    """An app's secret takes the place of a session."""
    return (
        select(AppSecret.id, App.company_id, App.opened)
        .join(App, App.id == AppSecret.app_id)
        .where(
            AppSecret.id.in_(secret_ids),
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.now(),
            App.revoked_at.is_(None),
        )
    )
