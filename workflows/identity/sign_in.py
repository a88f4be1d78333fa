"""Signs people in: by phone and code, by e-mail and password, or as a guest."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from models.accounts import Person
from models.identity import Actor
from services.accounts import customers, guest_merge, people
from services.core import clock
from services.core.idempotency import IdempotentRequest
from services.core.problems import DomainError, Problem, RateLimited
from services.identity import one_time_codes, sign_in_replay, sign_in_sessions
from services.identity.one_time_codes import WrongOneTimeCode
from services.identity.passwords import MAX_PASSWORD_LENGTH, PasswordsBusy
from services.identity.sign_in_sessions import SessionTokens
from workflows.identity.authenticator import Authenticator

FAILURES_BEFORE_LOCK = 5
RETRY_WHEN_BUSY_SECONDS = 2
LOCK_SECONDS = 30
MAX_LOCK_SECONDS = 900
MAX_EMAIL_CHARS = 254
UPGRADED = "GUEST_SIGNED_IN"
ACCOUNT_BY_EMAIL = prepared(
    select(
        Person.id,
        Person.password_hash,
        func.coalesce(Person.locked_until > func.now(), False),
    ).where(func.lower(Person.email) == bindparam("email"))
)
PERSON_BY_PHONE = prepared(select(Person).where(Person.phone == bindparam("phone")))
LOCK_PERSON = prepared(
    select(Person, clock.CLOCK_TIMESTAMP)
    .where(Person.id == bindparam("person"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongCredentials(Problem):
    """Wrong e-mail or password, or a locked account; the response does not tell which."""


@dataclass(frozen=True, slots=True)
class SignInCaller:
    """The device, network address and current actor of a sign-in request."""

    device: str
    address: str
    actor: Actor
    request: IdempotentRequest | None = None
    """The idempotent request, None without an idempotency key."""


@dataclass(frozen=True, slots=True)
class _Account:
    """The columns of a person that a password sign-in needs."""

    id: UUID
    password_hash: str | None
    locked: bool


async def sign_in_with_code(
    session: AsyncSession,
    *,
    authenticator: Authenticator,
    phone: str,
    code: str,
    caller: SignInCaller,
) -> SessionTokens | WrongOneTimeCode:
    """Sign in the owner of a phone, who is a customer from now on.

    The carts and orders of a guest are merged into the account. The problem of a wrong code is
    returned, not raised, so that the attempt is committed and counts.
    """
    await people.lock_contact(session, phone)
    problem = await one_time_codes.verify_code(
        session, signer=authenticator, phone=phone, code=code
    )
    if problem is not None:
        return problem
    guest = await customers.find_guest(session, caller.actor)
    person = await session.scalar(PERSON_BY_PHONE, {"phone": phone})
    if person is None and guest is not None:
        # The guest becomes the account, with their cart and orders.
        person, guest.phone = guest, phone
        await sign_in_sessions.revoke_all_sessions(session, person_id=guest.id, reason=UPGRADED)
    elif person is None:
        person = await customers.create_customer(session, Person(phone=phone))
    elif guest is not None:
        await _merge(session, guest, person)
    await session.flush()
    # Who was invited before their first sign-in has a row, but is no customer yet.
    await customers.ensure_customer(session, person.id)
    return await sign_in_sessions.open_session(
        session,
        signer=authenticator,
        person=person,
        device=caller.device,
        address=caller.address,
        request=caller.request,
    )


async def sign_in_with_password(
    database: Database,
    *,
    authenticator: Authenticator,
    email: str,
    password: str,
    caller: SignInCaller,
) -> SessionTokens | WrongCredentials:
    """Sign in with an e-mail address (any case) and a password.

    Unknown e-mail, wrong password and locked account cost the same hash and return the same
    problem. After five failures the account is locked for 30 seconds, doubled with each further
    failure, up to 15 minutes. Raises DomainError: RateLimited after 300 attempts per hour from one
    address, or while too many password checks are waiting.
    """
    authenticator.sign_in_limit.count_attempt(caller.address)
    if (tokens := await _replay(database, authenticator, caller.request)) is not None:
        return tokens
    wrong_credentials = WrongCredentials(
        path=["input"],
        message="That e-mail and password don't match, or were tried too often: wait a little.",
    )
    account = await _account(database, email)
    # Outside of any transaction, because the hash takes tens of milliseconds.
    matches = await _check_password(authenticator, account, password)
    if account is None:
        return wrong_credentials
    origin = AuditContext("passwordSignIn", account.id, caller.address)
    async with database.write(PLATFORM, origin) as session:

        async def sign_in() -> SessionTokens | WrongCredentials:
            tokens = await _open_session(session, account, matches, authenticator, caller)
            return tokens or wrong_credentials

        return await sign_in_replay.run_once(session, authenticator, caller.request, sign_in)


async def start_guest(
    session: AsyncSession, *, authenticator: Authenticator, caller: SignInCaller
) -> SessionTokens:
    """Open a session for a new person without phone or e-mail, who can buy.

    Raises DomainError: RateLimited.
    """
    authenticator.guest_limit.count_attempt(caller.address)
    person = await customers.create_customer(session, Person())
    return await sign_in_sessions.open_session(
        session,
        signer=authenticator,
        person=person,
        device=caller.device,
        address=caller.address,
        request=caller.request,
    )


async def _replay(
    database: Database, authenticator: Authenticator, request: IdempotentRequest | None
) -> SessionTokens | None:
    """Return the tokens of an earlier equal request, so that a retry computes no second hash."""
    if request is None:
        return None
    async with database.read(PLATFORM) as session:
        return await sign_in_replay.find_tokens(session, authenticator, request)


async def _open_session(
    session: AsyncSession,
    account: _Account,
    password_matches: bool,
    authenticator: Authenticator,
    caller: SignInCaller,
) -> SessionTokens | None:
    """Open a session and reset the failures; None if the account is locked or on a mismatch."""
    person, now = (await session.execute(LOCK_PERSON, {"person": account.id})).one()
    clock.set_current_time(session, now)
    if account.locked or (person.locked_until is not None and person.locked_until > now):
        return None
    if not password_matches or person.password_hash != account.password_hash:
        _count_failure(person, now)
        return None
    person.failed_sign_ins, person.locked_until = 0, None
    return await sign_in_sessions.open_session(
        session,
        signer=authenticator,
        person=person,
        device=caller.device,
        address=caller.address,
        request=caller.request,
    )


async def _check_password(
    authenticator: Authenticator, account: _Account | None, password: str
) -> bool:
    stored = account.password_hash if account else None
    try:
        return await authenticator.passwords.check(stored, password[: MAX_PASSWORD_LENGTH + 1])
    except PasswordsBusy:
        message = "Too many people are signing in: try again in a moment."
        problem = RateLimited(
            path=["input"], message=message, retry_after_seconds=RETRY_WHEN_BUSY_SECONDS
        )
        raise DomainError(problem) from None


async def _account(database: Database, email: str) -> _Account | None:
    if len(email) > MAX_EMAIL_CHARS or "\0" in email:
        return None
    async with database.read(PLATFORM) as session:
        row = (
            await session.execute(ACCOUNT_BY_EMAIL, {"email": email.strip().lower()})
        ).one_or_none()
    return _Account(*row) if row is not None else None


def _count_failure(person: Person, now: datetime) -> None:
    person.failed_sign_ins += 1
    further_failures = person.failed_sign_ins - FAILURES_BEFORE_LOCK
    if further_failures >= 0:
        seconds = min(LOCK_SECONDS * 2 ** min(further_failures, 10), MAX_LOCK_SECONDS)
        person.locked_until = now + timedelta(seconds=seconds)


async def _merge(session: AsyncSession, guest: Person, person: Person) -> None:
    await guest_merge.merge_guest(session, guest, person)
    await sign_in_sessions.revoke_all_sessions(session, person_id=guest.id, reason=UPGRADED)
