"""Reads whether sessions are alive and what their people may do now, for many by one statement.

The answers are kept for four seconds: whatever a request or a subscriber may do follows a revoked
session, role, app or secret within five, whatever its access token says.
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

FRESH_SECONDS = 4.0
MAX_SESSIONS = 1_000
"""In one statement."""
MAX_KNOWN_SESSIONS = 100_000
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
_SESSIONS_OF_PERSON = prepared(
    select(SignInSession.id).where(
        SignInSession.person_id == bindparam("person"), SignInSession.revoked_at.is_(None)
    )
)


class SessionGrants:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[UUID, tuple[float, Grants | None]] = OrderedDict()
        self._grants: Coalescer[UUID, Grants | None] = Coalescer(
            self._read_each, max_keys=MAX_SESSIONS
        )

    async def grants(self, session_id: UUID) -> Grants | None:
        """The roles that the session's person has now; None when the session has ended."""
        return await self._grants.load(session_id)

    def is_known(self, session_id: UUID) -> bool:
        """Whether the session was read in the last FRESH_SECONDS."""
        entry = self._known.get(session_id)
        return entry is not None and time.monotonic() - entry[0] < FRESH_SECONDS

    def known_grants(self, session_id: UUID) -> Grants | None:
        """What the last read of a known session has found."""
        return self._known[session_id][1]

    def forget(self, session_id: UUID) -> None:
        """Regard a session as unknown until it is read again."""
        self._known.pop(session_id, None)

    async def grants_of(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        """The roles that the people of these sessions have now, without ended sessions."""
        grants: dict[UUID, Grants] = {}
        for start in range(0, len(session_ids), MAX_SESSIONS):
            grants.update(await self._read(session_ids[start : start + MAX_SESSIONS]))
        return grants

    async def sessions_of(self, person_id: UUID) -> list[UUID]:
        """The live sessions of a person."""
        async with self._database.read(PLATFORM) as session:
            rows = await session.scalars(_SESSIONS_OF_PERSON, {"person": person_id})
            return [UUID(str(key)) for key in rows]

    async def _read_each(self, session_ids: Sequence[UUID]) -> list[Grants | None]:
        grants = await self._read(session_ids)
        return [grants.get(session_id) for session_id in session_ids]

    async def _read(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        """The grants of the sessions that are alive; all are known as of now."""
        asked_at = time.monotonic()
        found: dict[UUID, set[Grant | AppScope]] = {}
        async with self._database.read(PLATFORM) as session:
            rows = await session.execute(_SESSION_GRANTS, {"keys": [*session_ids]})
            for session_id, role, company_id, store_id in rows:
                roles = found.setdefault(UUID(str(session_id)), set())
                if role is not None:
                    roles.add(Grant(role, company_id, store_id))
            if others := [one for one in session_ids if one not in found]:
                for secret_id, company_id, opened in await session.execute(_of_apps(others)):
                    scopes = (one for one in AppScope if one in opened)
                    found[UUID(str(secret_id))] = {*app_grants(UUID(str(company_id))), *scopes}
        grants = {session_id: frozenset(held) for session_id, held in found.items()}
        for session_id in session_ids:
            self._keep(session_id, asked_at, grants.get(session_id))
        return grants

    def _keep(self, session_id: UUID, at: float, grants: Grants | None) -> None:
        self._known[session_id] = at, grants
        self._known.move_to_end(session_id)
        if len(self._known) > MAX_KNOWN_SESSIONS:
            self._known.popitem(last=False)


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
