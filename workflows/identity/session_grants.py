"""Whether sessions still stand and what their people may do now, asked for many at a time.

Every listener is proved again every few seconds. Those who ask within the same quarter of a second
share one statement, so ten thousand listeners cost a few statements a second.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, func, select

from database.scope import PLATFORM
from database.sessions import Database
from database.statements import kept
from models.accounts import Membership
from models.identity import AppScope, Grant, SignInSession, acting_for
from models.integrations import App, AppSecret

GATHER_SECONDS = 0.25
TOGETHER = 1_000
SEEN_SESSIONS = 100_000
Grants = frozenset[Grant | AppScope]
"""What somebody may do now: the roles of a person; those of an app, and its scopes."""
STANDING = kept(
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


class Standing:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, asyncio.Future[Grants | None]] = {}
        self._round: asyncio.Task[None] | None = None
        self._seen: OrderedDict[UUID, float] = OrderedDict()

    async def grants(self, session_id: UUID) -> Grants | None:
        """The roles that the session's person holds now; None when the session has ended."""
        answer = self._waiting.get(session_id)
        if answer is None:
            answer = self._waiting[session_id] = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_for_all())
        return await asyncio.shield(answer)

    def seen(self, session_id: UUID, seconds: float) -> bool:
        """Whether a listener's session was proved to stand in these last seconds."""
        at = self._seen.get(session_id)
        return at is not None and time.monotonic() - at < seconds

    def forget(self, session_id: UUID) -> None:
        """Believe nothing of a session until it is asked for again."""
        self._seen.pop(session_id, None)

    def _remember(self, session_ids: Iterable[UUID], at: float) -> None:
        for session_id in session_ids:
            self._seen[session_id] = at
            self._seen.move_to_end(session_id)
        while len(self._seen) > SEEN_SESSIONS:
            self._seen.popitem(last=False)

    async def grants_of(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        """The roles that the people of these sessions hold now; ended sessions are left out."""
        found: dict[UUID, Grants] = {}
        for start in range(0, len(session_ids), TOGETHER):
            asked_at = time.monotonic()
            part = await self._read(session_ids[start : start + TOGETHER])
            self._remember(part, asked_at)
            found.update(part)
        return found

    async def _ask_for_all(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        while self._waiting:
            part = dict(list(self._waiting.items())[:TOGETHER])
            for session_id in part:
                del self._waiting[session_id]
            asked_at = time.monotonic()
            try:
                found = await self._read(list(part))
            except BaseException as error:
                said = error if isinstance(error, Exception) else TimeoutError("not asked")
                for answer in part.values():
                    answer.set_exception(said)
                    answer.exception()  # marks it as seen: whoever waits still gets it
                if said is not error:
                    raise  # canceled: nobody may be left waiting
            else:
                for session_id, answer in part.items():
                    answer.set_result(found.get(session_id))
                self._remember(found, asked_at)

    async def _read(self, session_ids: Sequence[UUID]) -> dict[UUID, Grants]:
        held: dict[UUID, set[Grant | AppScope]] = {}
        async with self._database.read(PLATFORM) as session:
            rows = await session.execute(STANDING, {"keys": [*session_ids]})
            for session_id, role, company_id, store_id in rows:
                grants = held.setdefault(UUID(str(session_id)), set())
                if role is not None:
                    grants.add(Grant(role, company_id, store_id))
            if others := [one for one in session_ids if one not in held]:
                for secret_id, company_id, opened in await session.execute(_of_apps(others)):
                    scopes = (one for one in AppScope if one in opened)
                    held[UUID(str(secret_id))] = {*acting_for(UUID(str(company_id))), *scopes}
        return {session_id: frozenset(grants) for session_id, grants in held.items()}


def _of_apps(secret_ids: Sequence[UUID]) -> Select[UUID, UUID, list[str]]:
    """An app has its secret for a session."""
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
