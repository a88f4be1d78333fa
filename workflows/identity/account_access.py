"""Sign-up by e-mail, the reset and the change of passwords.

Hashes are computed outside of transactions, because they take tens of milliseconds, and only for
links that are valid.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import User
from models.identity import Actor, LinkPurpose
from services.accounts import people, sign_up
from services.accounts.sign_up import PASSWORD_CHANGED
from services.core import idempotency
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_line
from services.identity import account_links, sign_in_replay, sign_in_sessions
from services.identity.attempts import PASSWORD_RULE, Attempts
from services.identity.password_rules import check_new_password
from services.identity.sign_in_sessions import SessionTokens
from workflows.identity.authenticator import Authenticator
from workflows.identity.sign_in import InvalidCredentials, SignInCaller

CHANGED_KEY = "changed"
FindPerson = Callable[[AsyncSession, str], Awaitable[User]]
"""Takes the hash of the new password."""


@dataclass(frozen=True, slots=True)
class ChangedPassword:
    """The person whose password was changed, by this request or by an earlier equal one."""

    person: User
    replayed: bool = False


async def complete_sign_up(
    database: Database,
    *,
    authenticator: Authenticator,
    token: str,
    password: str,
    name: str,
    caller: SignInCaller,
) -> SessionTokens:
    """Make the account of a link's address and sign in.

    Raises DomainError: InvalidLink, InvalidInput, RateLimited.
    """
    name = parse_line(name, "input", "name", max_length=people.MAX_NAME_CHARS)

    async def make_account(session: AsyncSession, password_hash: str) -> User:
        account = await caller.new_account(session)
        return await sign_up.complete_sign_up(
            session,
            signer=authenticator,
            token=token,
            password_hash=password_hash,
            name=name,
            person=account,
        )

    purpose = LinkPurpose.SIGN_UP
    return await _sign_in(database, authenticator, token, purpose, password, caller, make_account)


async def reset_password(
    database: Database,
    *,
    authenticator: Authenticator,
    token: str,
    password: str,
    caller: SignInCaller,
) -> SessionTokens:
    """Set the password of a link's account, sign out all its devices and sign in on this one.

    Raises DomainError: InvalidLink, InvalidInput, RateLimited.
    """
    ended: list[UUID] = []

    async def set_password(session: AsyncSession, password_hash: str) -> User:
        person = await sign_up.reset_password(
            session, signer=authenticator, token=token, password_hash=password_hash
        )
        ended.extend(
            await sign_in_sessions.revoke_all_sessions(
                session, person_id=person.id, reason=PASSWORD_CHANGED
            )
        )
        return person

    purpose = LinkPurpose.PASSWORD_RESET
    tokens = await _sign_in(database, authenticator, token, purpose, password, caller, set_password)
    authenticator.forget_sessions(*ended)
    return tokens


async def change_password(
    database: Database,
    *,
    authenticator: Authenticator,
    caller: SignInCaller,
    origin: AuditContext,
    passwords: tuple[str | None, str],
) -> ChangedPassword:
    """Set or change the caller's password; their other sessions end.

    `passwords` are the present one, which is required if there is one, and the new one.
    Raises DomainError: NotFound, InvalidInput, InvalidCredentials, RateLimited.
    """
    actor, request, (current, new) = caller.actor, caller.request, passwords
    async with database.read(PLATFORM) as session:
        person = await _account(session, actor)
        if request is not None and await idempotency.stored_outcome(session, request):
            return ChangedPassword(person, replayed=True)
    _check_change(person, new)
    if person.password_hash is not None:
        await _check_current(database, authenticator, caller, person, current or "")
    source = caller.source_for(authenticator, person.email or "")
    password_hash = await authenticator.passwords.hash(new, source)
    async with database.write(PLATFORM, origin) as session:
        if request is not None and await idempotency.begin(session, request):
            return ChangedPassword(person, replayed=True)
        row = await session.get_one(User, person.id, with_for_update=True)
        if row.password_hash != person.password_hash:
            raise _wrong_password("The password was changed in the meantime.")
        await sign_up.set_password(session, row, password_hash)
        ended = await sign_in_sessions.revoke_other_sessions(
            session, actor=actor, reason=PASSWORD_CHANGED
        )
        if request is not None:
            await idempotency.store_outcome(session, request, {CHANGED_KEY: True})
    authenticator.forget_sessions(*ended)
    return ChangedPassword(row)


async def _check_current(
    database: Database,
    authenticator: Authenticator,
    caller: SignInCaller,
    person: User,
    password: str,
) -> None:
    """Check the present password, with the limits of a sign-in by it."""
    email = person.email or ""
    source = caller.source_for(authenticator, email)
    attempts = Attempts.of(authenticator, PASSWORD_RULE, email, source)
    origin = AuditContext("passwordChange", person.id, caller.address)
    async with database.write(PLATFORM, origin) as session:
        await attempts.take(session)
    if not await authenticator.passwords.check(person.password_hash, password, source):
        raise _wrong_password("That is not your present password.")
    async with database.write(PLATFORM, origin) as session:
        await attempts.forget(session)


def _wrong_password(message: str) -> DomainError:
    return DomainError(InvalidCredentials(path=["input", "currentPassword"], message=message))


async def _sign_in(
    database: Database,
    authenticator: Authenticator,
    token: str,
    purpose: LinkPurpose,
    password: str,
    caller: SignInCaller,
    find_person: FindPerson,
) -> SessionTokens:
    """Check the link and the password, then find the person and open a session, once."""
    authenticator.sign_in_limit.count_attempt(caller.address)
    if caller.request is not None:
        async with database.read(PLATFORM) as session:
            earlier = await sign_in_replay.find_tokens(session, authenticator, caller.request)
        if earlier is not None:
            return earlier
    async with database.read(PLATFORM) as session:
        link = await account_links.read_link(session, authenticator, token, purpose)
    check_new_password(password, "password", email=link.email)
    source = caller.source_for(authenticator, link.email)
    password_hash = await authenticator.passwords.hash(password, source)
    origin = AuditContext(purpose.lower(), caller.actor.person_id, caller.address)
    async with database.write(PLATFORM, origin) as session:

        async def open_session() -> SessionTokens:
            person = await find_person(session, password_hash)
            return await caller.open_session(session, authenticator, person)

        return await sign_in_replay.run_once(session, authenticator, caller.request, open_session)


async def _account(session: AsyncSession, actor: Actor) -> User:
    query = select(User).where(User.id == actor.person_id)
    person: User | None = await session.scalar(query)
    if person is None or actor.app_id is not None:
        raise not_found(User)
    return person


def _check_change(person: User, new: str) -> None:
    if person.email is None:
        message = "Passwords go with an e-mail address: add yours first."
        raise DomainError(InvalidInput(path=["input", "newPassword"], message=message))
    check_new_password(new, "newPassword", email=person.email)
