"""Signing in once for equal requests: whoever repeats one with its key gets the same tokens.

Tokens are not stored for that. The refresh token of a keyed request is derived from the key with
the installation's secret, and the access token is signed again as of the moment of the first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Person
from models.identity import Actor, SignInSession
from services.core import idempotency
from services.core.idempotency import Promise
from services.core.problems import InvalidInput, Refused
from services.identity import sign_in_sessions
from services.identity.credentials import CredentialSigner
from services.identity.sign_in_sessions import Tokens

STRANGERS_KEY_MIN_LENGTH = 16
PURPOSE = "idempotency"
SESSION = "session"
ENDS = "ends"

Reason = TypeVar("Reason")


def sealed(made: Promise, identity: CredentialSigner, *, stranger: bool) -> Promise:
    """A promise about secrets: the database can't tell a password from its fingerprint.

    Refused with a short key of somebody who is not signed in: it alone tells them from others at
    their address.
    """
    if stranger and len(made.key) < STRANGERS_KEY_MIN_LENGTH:
        least = f"has at least {STRANGERS_KEY_MIN_LENGTH} characters, which nobody can guess"
        message = f"Before you are signed in, an idempotency key {least}."
        raise Refused(InvalidInput(path=["key"], message=message))
    return replace(made, fingerprint=identity.mark(PURPOSE, made.fingerprint.hex()))


async def known(session: AsyncSession, identity: CredentialSigner, made: Promise) -> Tokens | None:
    """The tokens that an earlier equal request led to; KeyReused for other arguments."""
    stored = await idempotency.stored(session, made)
    return await _recalled(session, identity, made, stored) if stored else None


async def once(
    session: AsyncSession,
    identity: CredentialSigner,
    made: Promise | None,
    enter: Callable[[], Awaitable[Tokens | Reason]],
) -> Tokens | Reason:
    """What `enter` answers, or the tokens of an earlier equal request, marked `again`.

    The key is kept with the session that it opened, in one transaction; a refusal gives it up.
    """
    if made is None:
        return await enter()
    if stored := await idempotency.begin(session, made):
        return await _recalled(session, identity, made, stored)
    done = await enter()
    if isinstance(done, Tokens):
        ends = int(done.access_token_expires_at.timestamp())
        await idempotency.settle(session, made, {SESSION: str(done.session_id), ENDS: ends})
    else:
        await idempotency.let_go(session, made)
    return done


async def _recalled(
    session: AsyncSession, identity: CredentialSigner, made: Promise, stored: dict[str, object]
) -> Tokens:
    opened = await session.get_one(SignInSession, UUID(str(stored[SESSION])))
    person = await session.get_one(Person, opened.person_id)
    actor = Actor(person.id, opened.id, await sign_in_sessions.grants_of(session, person.id))
    ends = float(str(stored[ENDS]))
    access, expires_at = identity.sign(actor, ends)
    at = datetime.fromtimestamp(expires_at, UTC)
    fresh = sign_in_sessions.derived(identity, made, opened.id)
    return Tokens(person, opened.id, access, at, fresh, again=True)
