"""Which sessions still stand, asked for many at a time.

Who asks alone is answered by a statement at once; those who come while it runs share the next one.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from database.scope import PLATFORM
from database.sessions import Database
from database.statements import kept
from models.identity import SignInSession

TOGETHER = 1_000

_STANDING = kept(
    select(SignInSession.id).where(
        SignInSession.id == any_(bindparam("sessions", type_=ARRAY(Uuid))),
        SignInSession.revoked_at.is_(None),
        SignInSession.expires_at > func.now(),
    )
)


class Roll:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, asyncio.Future[bool]] = {}
        self._round: asyncio.Task[None] | None = None

    async def standing(self, session_id: UUID) -> bool:
        """Whether the session is there, neither revoked nor over; raises what the read raised."""
        answer = self._waiting.get(session_id)
        if answer is None:
            answer = self._waiting[session_id] = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_for_all())
        return await asyncio.shield(answer)

    async def _ask_for_all(self) -> None:
        while self._waiting:
            part = dict(list(self._waiting.items())[:TOGETHER])
            for session_id in part:
                del self._waiting[session_id]
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
                    answer.set_result(session_id in found)

    async def _read(self, session_ids: Sequence[UUID]) -> set[UUID]:
        async with self._database.read(PLATFORM) as session:
            return set(await session.scalars(_STANDING, {"sessions": list(session_ids)}))
