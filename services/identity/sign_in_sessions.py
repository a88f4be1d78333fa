"""Sessions: one per signed-in device, kept going by refresh tokens that are good for one use."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.accounts import Membership, Person
from models.identity import Actor, Grant, RefreshToken, SignInSession
from services.core.clock import moment
from services.core.idempotency import Promise
from services.core.problems import Problem, not_found
from services.identity.credentials import CredentialSigner

REFRESH_SECONDS = 30 * 24 * 3600
REFRESH_BYTES = 32
TOKEN_MAX_CHARS = 100
SESSIONS_COUNT = 20
DEVICE_LENGTH = 200

PURPOSE = "refresh-token"

SIGNED_OUT = "SIGNED_OUT"
REUSED = "REFRESH_TOKEN_REUSED"
TOO_MANY = "TOO_MANY_SESSIONS"

_OPEN = (SignInSession.person_id == bindparam("person"), SignInSession.revoked_at.is_(None))
_NEWEST = SignInSession.last_used_at.desc()
_STAY = select(SignInSession.id).where(*_OPEN).order_by(_NEWEST).limit(SESSIONS_COUNT - 1)
MAKE_ROOM = kept(
    update(SignInSession)
    .where(*_OPEN, SignInSession.id.not_in(_STAY))
    .values(revoked_at=func.now(), revoked_because=TOO_MANY)
    .execution_options(synchronize_session="fetch")
)
END_ALL = kept(
    update(SignInSession)
    .where(*_OPEN)
    .values(revoked_at=func.now(), revoked_because=bindparam("because"))
    .returning(SignInSession.id)
    .execution_options(synchronize_session="fetch")
)
LIVE = kept(
    select(SignInSession)
    .where(*_OPEN, SignInSession.expires_at > func.now())
    .order_by(_NEWEST)
    .limit(SESSIONS_COUNT)
)
TOKEN = kept(select(RefreshToken).where(RefreshToken.token_hash == bindparam("hash")))
GRANTS = kept(
    select(Membership.role, Membership.company_id, Membership.store_id)
    .where(Membership.person_id == bindparam("person"), Membership.revoked_at.is_(None))
    .order_by(Membership.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Problem):
    """The refresh token is not good any more: sign in again."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A person signed in on a device; the refresh token exists here and, hashed, in its row."""

    person: Person
    session_id: UUID
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    again: bool = False
    """Whether they were given before, to an equal request."""


async def begin(
    session: AsyncSession,
    *,
    identity: CredentialSigner,
    person: Person,
    device: str,
    address: str,
    made: Promise | None = None,
) -> Tokens:
    """Open a session for a person who has proved who they are; the oldest of too many ends."""
    await _make_room(session, person.id)
    now = await moment(session)
    opened = SignInSession(
        person_id=person.id,
        device=device[:DEVICE_LENGTH],
        address=address,
        expires_at=await moment(session, REFRESH_SECONDS),
        last_used_at=now,
    )
    session.add(opened)
    await session.flush()
    return await _tokens(session, identity, person, opened, made)


async def refresh(
    session: AsyncSession, *, identity: CredentialSigner, token: str, made: Promise | None = None
) -> Tokens | tuple[SessionEnded, list[UUID]]:
    """New tokens for an unused refresh token; a used one ends its whole session.

    Nothing is raised, so that the ending commits: a refusal brings the sessions that ended.
    """
    ended = SessionEnded(path=["input", "refreshToken"], message="Sign in again.")
    if len(token) > TOKEN_MAX_CHARS:
        return ended, []
    found = await session.scalar(TOKEN, {"hash": _hash(token)})
    if found is None:
        return ended, []
    # The session's lock puts two uses of one token in line: the second one sees the first.
    opened = await session.get_one(SignInSession, found.session_id, with_for_update=True)
    await session.refresh(found)
    now = await moment(session)
    if opened.revoked_at is not None or opened.expires_at <= now or found.expires_at <= now:
        return ended, []
    if found.used_at is not None:
        opened.revoked_at, opened.revoked_because = now, REUSED
        return ended, [opened.id]
    found.used_at = opened.last_used_at = now
    opened.expires_at = await moment(session, REFRESH_SECONDS)
    person = await session.get_one(Person, opened.person_id)
    return await _tokens(session, identity, person, opened, made)


async def revoke(session: AsyncSession, *, actor: Actor, session_id: UUID) -> SignInSession:
    """End one of the actor's own sessions; ending it twice changes nothing."""
    found = await session.get(SignInSession, session_id, with_for_update=True)
    if found is None or found.person_id != actor.person_id:
        raise not_found(SignInSession, "sessionId")
    if found.revoked_at is None:
        found.revoked_at, found.revoked_because = await moment(session), SIGNED_OUT
    return found


async def revoke_all(
    session: AsyncSession, *, person_id: UUID, because: str = SIGNED_OUT
) -> list[UUID]:
    """End every session of a person; answers the keys of those that were alive."""
    rows = await session.scalars(END_ALL, {"person": person_id, "because": because})
    return list(rows)


async def live_of(session: AsyncSession, *, person_id: UUID) -> Sequence[SignInSession]:
    """A person's sessions that still stand, the last used first."""
    return (await session.scalars(LIVE, {"person": person_id})).all()


async def grants_of(session: AsyncSession, person_id: UUID) -> tuple[Grant, ...]:
    """The roles a person holds now, oldest first."""
    rows = await session.execute(GRANTS, {"person": person_id})
    return tuple(Grant(role, company, store) for role, company, store in rows)


async def _tokens(
    session: AsyncSession,
    identity: CredentialSigner,
    person: Person,
    opened: SignInSession,
    made: Promise | None,
) -> Tokens:
    if made is None:
        fresh = secrets.token_urlsafe(REFRESH_BYTES)
    else:
        fresh = derived(identity, made, opened.id)
    session.add(
        RefreshToken(session_id=opened.id, token_hash=_hash(fresh), expires_at=opened.expires_at)
    )
    actor = Actor(person.id, opened.id, await grants_of(session, person.id))
    access, expires_at = identity.sign(actor)
    ends = datetime.fromtimestamp(expires_at, UTC)
    return Tokens(person, opened.id, access, ends, fresh)


def derived(identity: CredentialSigner, made: Promise, session_id: UUID) -> str:
    """The refresh token that a keyed request gets: only the installation's secret tells it."""
    parts = (made.owner, made.key, made.mutation, made.fingerprint.hex(), str(session_id))
    return urlsafe_b64encode(identity.mark(PURPOSE, *parts)).rstrip(b"=").decode()


async def _make_room(session: AsyncSession, person_id: UUID) -> None:
    """Leave room for one more: end the sessions that have been quiet for the longest."""
    await session.execute(MAKE_ROOM, {"person": person_id})


def _hash(token: str) -> bytes:
    """256 random bits need no slow hash: nobody can guess their way back."""
    return sha256(token.encode(errors="replace")).digest()
