"""Whether sessions still stand and what their people may do now, asked for many at a time.

Every listener is proved again every few seconds. Those who ask within the same quarter of a second
share one statement, so ten thousand listeners cost a few statements a second.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select

from models import PLATFORM, App, AppSecret, Grant, Membership, SignInSession
from models.actor import acting_for
from models.database import Database

GATHER_SECONDS = 0.25
TOGETHER = 1_000
Grants = frozenset[Grant]


class Standing:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, asyncio.Future[Grants | None]] = {}
        self._round: asyncio.Task[None] | None = None

    async def grants(self, session_id: UUID) -> Grants | None:
        """The roles that the session's person holds now; None when the session has ended."""
        answer = self._waiting.get(session_id)
        if answer is None:
            answer = self._waiting[session_id] = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_for_all())
        return await asyncio.shield(answer)

    async def _ask_for_all(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        while self._waiting:
            part = dict(list(self._waiting.items())[:TOGETHER])
            for session_id in part:
                del self._waiting[session_id]
            try:
                found = await self._read(list(part))
            except Exception as error:
                for answer in part.values():
                    answer.set_exception(error)
                    answer.exception()  # marks it as seen: whoever waits still gets it
            else:
                for session_id, answer in part.items():
                    answer.set_result(found.get(session_id))

    async def _read(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        query = (
            select(SignInSession.id, Membership.role, Membership.company_id, Membership.store_id)
            .outerjoin(
                Membership,
                (Membership.person_id == SignInSession.person_id) & Membership.revoked_at.is_(None),
            )
            .where(
                SignInSession.id.in_(session_ids),
                SignInSession.revoked_at.is_(None),
                SignInSession.expires_at > func.now(),
            )
        )
        held: dict[UUID, set[Grant]] = {}
        async with self._database.read(PLATFORM) as session:
            for session_id, role, company_id, store_id in await session.execute(query):
                grants = held.setdefault(UUID(str(session_id)), set())
                if role is not None:
                    grants.add(Grant(role, company_id, store_id))
            if others := [one for one in session_ids if one not in held]:
                for secret_id, company_id in await session.execute(_of_apps(others)):
                    held[UUID(str(secret_id))] = set(acting_for(UUID(str(company_id))))
        return {session_id: frozenset(grants) for session_id, grants in held.items()}


def _of_apps(secret_ids: Sequence[UUID]) -> Select[UUID, UUID]:
    """An app has its secret for a session."""
    return (
        select(AppSecret.id, App.company_id)
        .join(App, App.id == AppSecret.app_id)
        .where(
            AppSecret.id.in_(secret_ids),
            AppSecret.revoked_at.is_(None),
            AppSecret.expires_at > func.now(),
            App.revoked_at.is_(None),
        )
    )
