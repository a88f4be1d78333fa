"""Signs people in: by phone and code, by e-mail and password, or as a guest."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.statements import prepared
from models.accounts import User
from models.identity import Actor
from services.accounts import customers, guest_merge, people
from services.core import clock
from services.core.contacts.email_addresses import comparable_email
from services.core.idempotency import IdempotentRequest
from services.core.problems import Problem
from services.identity import one_time_codes, sign_in_replay, sign_in_sessions
from services.identity.attempts import PASSWORD_RULE, Attempts, AttemptSource, source_of
from services.identity.credentials import CredentialSigner
from services.identity.one_time_codes import CodeProblem
from services.identity.password_queue import PasswordsBusy
from services.identity.passwords import MAX_PASSWORD_LENGTH
from services.identity.sign_in_sessions import SessionTokens
from workflows.identity.authenticator import Authenticator

UPGRADED = "GUEST_SIGNED_IN"
ACCOUNT_BY_EMAIL = prepared(
    select(User.id, User.password_hash).where(func.lower(User.email) == bindparam("email"))
)
NO_MATCH = "That e-mail and password don't match."
PERSON_BY_PHONE = prepared(select(User).where(User.phone == bindparam("phone")))
LOCK_PERSON = prepared(
    select(User, clock.CLOCK_TIMESTAMP)
    .where(User.id == bindparam("person"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidCredentials(Problem):
    """Wrong e-mail or password; the response does not tell which."""


@dataclass(frozen=True, slots=True)
class SignInCaller:
    """The device, network address and current actor of a sign-in request."""

    device: str
    address: str
    actor: Actor
    request: IdempotentRequest | None = None
    """The idempotent request, None without an idempotency key."""
    device_token: str | None = None

    def source_for(self, signer: CredentialSigner, contact: str) -> AttemptSource:
        """Where this request comes from, as the limits of one phone or e-mail address count it."""
        return source_of(
            signer, contact=contact, address=self.address, device_token=self.device_token
        )

    async def new_account(self, session: AsyncSession) -> User:
        """Return the row of a new account: the guest of this request with their cart and orders,
        whose sessions end, or a new customer."""
        guest = await customers.find_guest(session, self.actor)
        if guest is None:
            return await customers.create_customer(session, User())
        await sign_in_sessions.revoke_all_sessions(session, person_id=guest.id, reason=UPGRADED)
        return guest

    async def open_session(
        self, session: AsyncSession, signer: CredentialSigner, person: User
    ) -> SessionTokens:
        """Open a session of `person` on the device of this request: the end of every sign-in.

        A guest who signs in to an account is merged into it. Lock `person`, if at all, by
        `key_share`: who holds a lock on one of their carts may wait for them.
        """
        if not person.is_guest:
            await self._merge_guest(session, person)
        return await sign_in_sessions.open_session(
            session,
            signer=signer,
            person=person,
            device=self.device,
            address=self.address,
            request=self.request,
        )

    async def _merge_guest(self, session: AsyncSession, person: User) -> None:
        guest = await customers.find_guest(session, self.actor)
        if guest is None:
            return
        own_key = None if self.request is None else self.request.key
        await guest_merge.merge_guest(session, guest, person, kept_key=own_key)
        await sign_in_sessions.revoke_all_sessions(session, person_id=guest.id, reason=UPGRADED)
        await customers.ensure_customer(session, person.id)


@dataclass(frozen=True, slots=True)
class _Account:
    """The columns of a person that a password sign-in needs."""

    id: UUID
    password_hash: str | None


async def sign_in_with_code(
    session: AsyncSession,
    *,
    authenticator: Authenticator,
    phone: str,
    code: str,
    caller: SignInCaller,
    challenge: str | None = None,
) -> SessionTokens | CodeProblem:
    """Sign in the owner of a phone, who is a customer from now on.

    The carts and orders of a guest are merged into the account. The problem of a wrong code is
    returned, not raised, so that the attempt is committed and counts.
    """
    await people.lock_contact(session, phone)
    problem = await _verify_code(session, authenticator, caller, phone, code, challenge)
    if problem is not None:
        return problem
    person = await session.scalar(PERSON_BY_PHONE, {"phone": phone})
    if person is None:
        person = await caller.new_account(session)
        person.phone = phone
        await session.flush()
    # Who was invited before their first sign-in has a row, but is no customer yet.
    await customers.ensure_customer(session, person.id)
    return await caller.open_session(session, authenticator, person)


async def _verify_code(
    session: AsyncSession,
    authenticator: Authenticator,
    caller: SignInCaller,
    phone: str,
    code: str,
    challenge: str | None,
) -> CodeProblem | None:
    source = caller.source_for(authenticator, phone)
    return await one_time_codes.verify_code(
        session, signer=authenticator, phone=phone, code=code, source=source, challenge=challenge
    )


async def sign_in_with_password(
    database: Database,
    *,
    authenticator: Authenticator,
    email: str,
    password: str,
    caller: SignInCaller,
) -> SessionTokens | InvalidCredentials:
    """Sign in with an e-mail address (any case) and a password.

    Unknown e-mail and wrong password do the same work and return the same problem. The tries of
    one account from one network, or from one device that it knows, have to wait longer and longer
    after five. Raises DomainError: RateLimited for those, after 300 attempts per hour from one
    network, or while too many password checks are waiting.
    """
    email = comparable_email(email)
    source = caller.source_for(authenticator, email)
    if not source.known:
        authenticator.sign_in_limit.count_attempt(caller.address)
    if (tokens := await _replay(database, authenticator, caller.request)) is not None:
        return tokens
    attempts = Attempts.of(authenticator, PASSWORD_RULE, email, source)
    account = await _take_attempt(database, attempts, email, caller)
    # Outside of any transaction, because the hash takes tens of milliseconds.
    matches = await _check_password(database, authenticator, attempts, account, password)
    wrong_credentials = InvalidCredentials(path=["input"], message=NO_MATCH)
    if account is None or account.password_hash is None or not matches:
        return wrong_credentials
    new_hash = await _renew_hash(authenticator, account.password_hash, password, source)
    origin = AuditContext("passwordSignIn", account.id, caller.address)
    async with database.write(PLATFORM, origin) as session:

        async def sign_in() -> SessionTokens | InvalidCredentials:
            await attempts.forget(session)
            tokens = await _open_session(session, account, authenticator, caller)
            if tokens is not None and new_hash is not None:
                tokens.person.password_hash = new_hash
            return tokens or wrong_credentials

        return await sign_in_replay.run_once(session, authenticator, caller.request, sign_in)


async def start_guest(
    session: AsyncSession, *, authenticator: Authenticator, caller: SignInCaller
) -> SessionTokens:
    """Open a session for a new person without phone or e-mail, who can buy.

    Raises DomainError: RateLimited.
    """
    authenticator.guest_limit.count_attempt(caller.address)
    person = await customers.create_customer(session, User())
    return await caller.open_session(session, authenticator, person)


async def _replay(
    database: Database, authenticator: Authenticator, request: IdempotentRequest | None
) -> SessionTokens | None:
    """Return the tokens of an earlier equal request, so that a retry computes no second hash."""
    if request is None:
        return None
    async with database.read(PLATFORM) as session:
        return await sign_in_replay.find_tokens(session, authenticator, request)


async def _open_session(
    session: AsyncSession, account: _Account, authenticator: Authenticator, caller: SignInCaller
) -> SessionTokens | None:
    """Open a session; None if the password was changed since it was checked."""
    person, now = (await session.execute(LOCK_PERSON, {"person": account.id})).one()
    clock.set_current_time(session, now)
    if person.password_hash != account.password_hash:
        return None
    return await caller.open_session(session, authenticator, person)


async def _take_attempt(
    database: Database, attempts: Attempts, email: str, caller: SignInCaller
) -> _Account | None:
    """Count the try and read the account, if there is one: the same work for both."""
    origin = AuditContext("passwordSignIn", None, caller.address)
    async with database.write(PLATFORM, origin) as session:
        await attempts.take(session)
        row = (await session.execute(ACCOUNT_BY_EMAIL, {"email": email})).one_or_none()
    return _Account(*row) if row is not None else None


async def _check_password(
    database: Database,
    authenticator: Authenticator,
    attempts: Attempts,
    account: _Account | None,
    password: str,
) -> bool:
    stored, text = account.password_hash if account else None, password[: MAX_PASSWORD_LENGTH + 1]
    try:
        return await authenticator.passwords.check(stored, text, attempts.source)
    except PasswordsBusy:
        async with database.write(PLATFORM, AuditContext("passwordSignIn")) as session:
            await attempts.give_back(session)
        raise


async def _renew_hash(
    authenticator: Authenticator, stored: str, password: str, source: AttemptSource
) -> str | None:
    """The hash that replaces an outdated one; None also while too many are waiting for a turn."""
    try:
        return await authenticator.passwords.renew(stored, password, source)
    except PasswordsBusy:
        return None
