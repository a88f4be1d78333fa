"""Idempotent sign-in: a request that is repeated with its idempotency key gets the same tokens.

The tokens are not stored. The refresh token of such a request is derived from its key with the
installation's secret, and the access token is signed again with the original expiry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.identity import SignInSession
from services.core import idempotency
from services.core.idempotency import IdempotentRequest
from services.core.problems import DomainError, InvalidInput
from services.identity import sign_in_sessions
from services.identity.credentials import CredentialSigner
from services.identity.sign_in_sessions import SessionTokens

MIN_ANONYMOUS_KEY_LENGTH = 16
PURPOSE = "idempotency"
SESSION = "session"
EXPIRES_AT = "ends"

SignInProblem = TypeVar("SignInProblem")


def seal_request(
    request: IdempotentRequest, signer: CredentialSigner, *, anonymous: bool
) -> IdempotentRequest:
    """Return the request with a keyed fingerprint, from which the database can't guess a password.

    Raises DomainError: InvalidInput for a short key of an anonymous caller, because only the key
    distinguishes callers with the same network address.
    """
    if anonymous and len(request.key) < MIN_ANONYMOUS_KEY_LENGTH:
        rule = f"has at least {MIN_ANONYMOUS_KEY_LENGTH} characters, which nobody can guess"
        message = f"Before you are signed in, an idempotency key {rule}."
        raise DomainError(InvalidInput(path=["key"], message=message))
    return replace(request, fingerprint=signer.keyed_hash(PURPOSE, request.fingerprint.hex()))


async def find_tokens(
    session: AsyncSession, signer: CredentialSigner, request: IdempotentRequest
) -> SessionTokens | None:
    """Return the tokens of an earlier equal request, if any. Raises KeyReused."""
    outcome = await idempotency.stored_outcome(session, request)
    return await _replay(session, signer, request, outcome) if outcome else None


async def run_once(
    session: AsyncSession,
    signer: CredentialSigner,
    request: IdempotentRequest | None,
    sign_in: Callable[[], Awaitable[SessionTokens | SignInProblem]],
) -> SessionTokens | SignInProblem:
    """Return the result of `sign_in`, or the tokens of an earlier equal request as `replayed`.

    The key is stored with the session in one transaction; a refused request releases it.
    """
    if request is None:
        return await sign_in()
    if outcome := await idempotency.begin(session, request):
        return await _replay(session, signer, request, outcome)
    result = await sign_in()
    if isinstance(result, SessionTokens):
        expires_at = int(result.access_token_expires_at.timestamp())
        await idempotency.store_outcome(
            session, request, {SESSION: str(result.session_id), EXPIRES_AT: expires_at}
        )
    else:
        await idempotency.release(session, request)
    return result


async def _replay(
    session: AsyncSession,
    signer: CredentialSigner,
    request: IdempotentRequest,
    outcome: dict[str, object],
) -> SessionTokens:
    """Derive the tokens of the session that an earlier equal request opened."""
    sign_in_session = await session.get_one(SignInSession, UUID(str(outcome[SESSION])))
    session_id = sign_in_session.id
    person = await session.get_one(User, sign_in_session.person_id)
    actor = await sign_in_sessions.actor_of(session, person, session_id)
    access_token, expiry = signer.sign(actor, float(str(outcome[EXPIRES_AT])))
    expires_at = datetime.fromtimestamp(expiry, UTC)
    refresh_token = sign_in_sessions.derive_refresh_token(signer, request, session_id)
    return SessionTokens(person, session_id, access_token, expires_at, refresh_token, replayed=True)
