"""Reads which sign-in sessions are alive, for many requests by one statement."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from database.coalescer import Coalescer
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from models.identity import SignInSession

_ALIVE = prepared(
    select(SignInSession.id).where(
        SignInSession.id == any_(bindparam("sessions", type_=ARRAY(Uuid))),
        SignInSession.revoked_at.is_(None),
        SignInSession.expires_at > func.now(),
    )
)


class SessionLiveness:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alive: Coalescer[UUID, bool] = Coalescer(self._read)

    async def is_alive(self, session_id: UUID) -> bool:
        """Whether the session exists, neither revoked nor expired; raises what the read raises."""
        return await self._alive.load(session_id)

    async def _read(self, session_ids: Sequence[UUID]) -> list[bool]:
        async with self._database.read(PLATFORM) as session:
            alive = set(await session.scalars(_ALIVE, {"sessions": list(session_ids)}))
        return [session_id in alive for session_id in session_ids]
