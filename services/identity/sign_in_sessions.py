"""Sign-in sessions: one per device, extended with single-use refresh tokens."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import Membership, User
from models.identity import Actor, Grant, RefreshToken, SignInSession
from services.core.clock import current_time
from services.core.idempotency import IdempotentRequest
from services.core.problems import Problem, not_found
from services.core.text import parse_key
from services.identity.credentials import CredentialSigner

REFRESH_TOKEN_SECONDS = 30 * 24 * 3600
REFRESH_TOKEN_BYTES = 32
MAX_TOKEN_CHARS = 100
MAX_SESSIONS = 20
MAX_DEVICE_LENGTH = 200

PURPOSE = "refresh-token"

SIGNED_OUT = "SIGNED_OUT"
REUSED = "REFRESH_TOKEN_REUSED"
TOO_MANY = "TOO_MANY_SESSIONS"

_OPEN = (SignInSession.person_id == bindparam("person"), SignInSession.revoked_at.is_(None))
_NEWEST = SignInSession.last_used_at.desc()
_KEPT_SESSIONS = select(SignInSession.id).where(*_OPEN).order_by(_NEWEST).limit(MAX_SESSIONS - 1)
REVOKE_OLDEST = prepared(
    update(SignInSession)
    .where(*_OPEN, SignInSession.id.not_in(_KEPT_SESSIONS))
    .values(revoked_at=func.now(), revoked_because=TOO_MANY)
    .execution_options(synchronize_session="fetch")
)
REVOKE_ALL = prepared(
    update(SignInSession)
    .where(*_OPEN)
    .values(revoked_at=func.now(), revoked_because=bindparam("because"))
    .returning(SignInSession.id)
    .execution_options(synchronize_session="fetch")
)
LIVE_SESSIONS = prepared(
    select(SignInSession)
    .where(*_OPEN, SignInSession.expires_at > func.now())
    .order_by(_NEWEST)
    .limit(MAX_SESSIONS)
)
TOKEN_BY_HASH = prepared(select(RefreshToken).where(RefreshToken.token_hash == bindparam("hash")))
GRANTS_OF_PERSON = prepared(
    select(Membership.role, Membership.company_id, Membership.store_id)
    .where(Membership.person_id == bindparam("person"), Membership.revoked_at.is_(None))
    .order_by(Membership.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRefreshToken(Problem):
    """The refresh token is not valid; the user has to sign in again."""


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """The tokens of a signed-in person; of the refresh token only the hash is stored."""

    person: User
    session_id: UUID
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    replayed: bool = False
    """Whether an earlier equal request got the same tokens."""


async def open_session(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    person: User,
    device: str,
    address: str,
    request: IdempotentRequest | None = None,
) -> SessionTokens:
    """Open a session for an authenticated person; beyond the limit the oldest one is revoked."""
    await _revoke_oldest(session, person.id)
    now = await current_time(session)
    sign_in_session = SignInSession(
        person_id=person.id,
        device=device[:MAX_DEVICE_LENGTH],
        address=address,
        expires_at=await current_time(session, REFRESH_TOKEN_SECONDS),
        last_used_at=now,
    )
    session.add(sign_in_session)
    await session.flush()
    return await _issue_tokens(session, signer, person, sign_in_session, request)


async def refresh_session(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    token: str,
    request: IdempotentRequest | None = None,
) -> SessionTokens | tuple[InvalidRefreshToken, list[UUID]]:
    """Return new tokens for an unused refresh token; a used token revokes its session.

    The problem is returned with the ids of the revoked sessions, not raised, so that the
    revocation is committed.
    """
    ended = InvalidRefreshToken(path=["input", "refreshToken"], message="Sign in again.")
    token = parse_key(token)
    if len(token) > MAX_TOKEN_CHARS:
        return ended, []
    refresh_token = await session.scalar(TOKEN_BY_HASH, {"hash": _hash(token)})
    if refresh_token is None:
        return ended, []
    # The session's lock serializes two uses of one token: the second one sees the first.
    sign_in_session = await session.get_one(
        SignInSession, refresh_token.session_id, with_for_update=True
    )
    await session.refresh(refresh_token)
    now = await current_time(session)
    expires_at = min(sign_in_session.expires_at, refresh_token.expires_at)
    if sign_in_session.revoked_at is not None or expires_at <= now:
        return ended, []
    if refresh_token.used_at is not None:
        sign_in_session.revoked_at, sign_in_session.revoked_because = now, REUSED
        return ended, [sign_in_session.id]
    refresh_token.used_at = sign_in_session.last_used_at = now
    sign_in_session.expires_at = await current_time(session, REFRESH_TOKEN_SECONDS)
    person = await session.get_one(User, sign_in_session.person_id)
    return await _issue_tokens(session, signer, person, sign_in_session, request)


async def revoke_session(session: AsyncSession, *, actor: Actor, session_id: UUID) -> SignInSession:
    """Revoke one of the actor's own sessions; a second call changes nothing.

    Raises DomainError: NotFound.
    """
    sign_in_session = await session.get(SignInSession, session_id, with_for_update=True)
    if sign_in_session is None or sign_in_session.person_id != actor.person_id:
        raise not_found(SignInSession, "sessionId")
    if sign_in_session.revoked_at is None:
        sign_in_session.revoked_at = await current_time(session)
        sign_in_session.revoked_because = SIGNED_OUT
    return sign_in_session


async def revoke_all_sessions(
    session: AsyncSession, *, person_id: UUID, reason: str = SIGNED_OUT
) -> list[UUID]:
    """Revoke all sessions of a person; return the ids of those that were not revoked before."""
    rows = await session.scalars(REVOKE_ALL, {"person": person_id, "because": reason})
    return list(rows)


async def revoke_other_sessions(
    session: AsyncSession, *, actor: Actor, reason: str = SIGNED_OUT
) -> list[UUID]:
    """Revoke all sessions of the actor but the present one; return their ids."""
    rows = await session.scalars(
        update(SignInSession)
        .where(
            SignInSession.person_id == actor.person_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.id != actor.session_id,
        )
        .values(revoked_at=func.now(), revoked_because=reason)
        .returning(SignInSession.id)
        .execution_options(synchronize_session="fetch")
    )
    return list(rows)


async def list_live_sessions(session: AsyncSession, *, person_id: UUID) -> Sequence[SignInSession]:
    """Return a person's sessions that are neither revoked nor expired, last used first."""
    return (await session.scalars(LIVE_SESSIONS, {"person": person_id})).all()


async def load_grants(session: AsyncSession, person_id: UUID) -> tuple[Grant, ...]:
    """Return the roles that a person has now, oldest first."""
    rows = await session.execute(GRANTS_OF_PERSON, {"person": person_id})
    return tuple(Grant(role, company, store) for role, company, store in rows)


async def _issue_tokens(
    session: AsyncSession,
    signer: CredentialSigner,
    person: User,
    sign_in_session: SignInSession,
    request: IdempotentRequest | None,
) -> SessionTokens:
    session_id = sign_in_session.id
    if request is None:
        refresh_token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
    else:
        refresh_token = derive_refresh_token(signer, request, session_id)
    session.add(
        RefreshToken(
            session_id=session_id,
            token_hash=_hash(refresh_token),
            expires_at=sign_in_session.expires_at,
        )
    )
    access_token, expiry = signer.sign(await actor_of(session, person, session_id))
    expires_at = datetime.fromtimestamp(expiry, UTC)
    return SessionTokens(person, session_id, access_token, expires_at, refresh_token)


async def actor_of(session: AsyncSession, person: User, session_id: UUID) -> Actor:
    """The person with their roles, as a token of a session names them."""
    grants = await load_grants(session, person.id)
    return Actor(person.id, session_id, grants, is_guest=person.is_guest)


def derive_refresh_token(
    signer: CredentialSigner, request: IdempotentRequest, session_id: UUID
) -> str:
    """Derive the refresh token of a request with a key from the installation's secret."""
    parts = (
        request.owner,
        request.key,
        request.mutation,
        request.fingerprint.hex(),
        str(session_id),
    )
    return urlsafe_b64encode(signer.keyed_hash(PURPOSE, *parts)).rstrip(b"=").decode()


async def _revoke_oldest(session: AsyncSession, person_id: UUID) -> None:
    """Revoke the least recently used sessions, so that one more stays within the limit."""
    await session.execute(REVOKE_OLDEST, {"person": person_id})


def _hash(token: str) -> bytes:
    """Hash a token with SHA-256; 256 random bits need no slow hash."""
    return sha256(token.encode(errors="replace")).digest()
