"""Ways in: a phone with a code, an e-mail with a password, or as a guest."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from database.statements import kept
from models.accounts import Membership, Person
from models.identity import Actor, Role
from services.accounts import guest_merge, people
from services.core import clock
from services.core.idempotency import Promise
from services.core.problems import Problem, RateLimited, Refused
from services.identity import one_time_codes, sign_in_replay, sign_in_sessions
from services.identity.one_time_codes import WrongOneTimeCode
from services.identity.passwords import LENGTH_MOST, PasswordsBusy
from services.identity.sign_in_sessions import Tokens
from workflows.identity.authenticator import Identity

FREE_TRIES_COUNT = 5
BUSY_SECONDS = 2
LOCK_SECONDS = 30
LOCK_MOST_SECONDS = 900
EMAIL_MAX_CHARS = 254
UPGRADED = "GUEST_SIGNED_IN"
ACCOUNT = kept(
    select(
        Person.id,
        Person.password_hash,
        func.coalesce(Person.locked_until > func.now(), False),
    ).where(func.lower(Person.email) == bindparam("email"))
)
OF_PHONE = kept(select(Person).where(Person.phone == bindparam("phone")))
LOCKED = kept(
    select(Person, clock.CLOCK)
    .where(Person.id == bindparam("person"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongCredentials(Problem):
    """The e-mail and password don't match, or were tried too often: the two are not told apart."""


@dataclass(frozen=True, slots=True)
class Caller:
    """From where somebody signs in, and as which guest they came."""

    device: str
    address: str
    actor: Actor
    made: Promise | None = None
    """The promise of a request with an idempotency key."""


@dataclass(frozen=True, slots=True)
class _Account:
    """What signing in with a password needs to know of a person."""

    id: UUID
    password_hash: str | None
    locked: bool


async def with_code(
    session: AsyncSession, *, identity: Identity, phone: str, code: str, caller: Caller
) -> Tokens | WrongOneTimeCode:
    """Sign in the owner of a phone, who becomes a customer when first seen.

    A guest's carts and orders come along. A wrong code is answered, not raised, so that the try
    counts.
    """
    await people.hold_name(session, phone)
    wrong = await one_time_codes.verify(session, identity=identity, phone=phone, code=code)
    if wrong is not None:
        return wrong
    guest = await _guest(session, caller.actor)
    person = await session.scalar(OF_PHONE, {"phone": phone})
    if person is None and guest is not None:
        # The guest was this person all along: their cart and orders stay where they are.
        person, guest.phone = guest, phone
        await sign_in_sessions.revoke_all(session, person_id=guest.id, because=UPGRADED)
    elif person is None:
        person = await _customer(session, phone)
    elif guest is not None:
        await _merge(session, guest, person)
    await session.flush()
    return await sign_in_sessions.begin(
        session,
        identity=identity,
        person=person,
        device=caller.device,
        address=caller.address,
        made=caller.made,
    )


async def with_password(
    database: Database, *, identity: Identity, email: str, password: str, caller: Caller
) -> Tokens | WrongCredentials:
    """Sign in with an e-mail address (any case) and a password.

    Unknown, wrong and locked cost the same hash and get the same answer. After five wrong tries
    the account is locked for 30 seconds, doubled at each further one, up to 15 minutes. Refused
    with RateLimited after 300 tries an hour from one address, or when too many passwords wait.
    """
    identity.sign_ins.step(caller.address)
    if (given := await _given(database, identity, caller.made)) is not None:
        return given
    wrong = WrongCredentials(
        path=["input"],
        message="That e-mail and password don't match, or were tried too often: wait a little.",
    )
    account = await _account(database, email)
    # The hash is checked outside of any transaction: it takes tens of milliseconds.
    right = await _checked(identity, account, password)
    if account is None:
        return wrong
    origin = Origin("passwordSignIn", account.id, caller.address)
    async with database.write(PLATFORM, origin) as session:

        async def enter() -> Tokens | WrongCredentials:
            entered = await _entered(session, account, right, identity, caller)
            return entered or wrong

        return await sign_in_replay.once(session, identity, caller.made, enter)


async def as_guest(session: AsyncSession, *, identity: Identity, caller: Caller) -> Tokens:
    """Open a session for a new person without phone or e-mail, who can fill a cart and buy."""
    identity.guests.step(caller.address)
    person = await _customer(session, None)
    return await sign_in_sessions.begin(
        session,
        identity=identity,
        person=person,
        device=caller.device,
        address=caller.address,
        made=caller.made,
    )


async def _given(database: Database, identity: Identity, made: Promise | None) -> Tokens | None:
    """The tokens of an earlier equal request: a retry costs no second hash."""
    if made is None:
        return None
    async with database.read(PLATFORM) as session:
        return await sign_in_replay.known(session, identity, made)


async def _entered(
    session: AsyncSession, account: _Account, right: bool, identity: Identity, caller: Caller
) -> Tokens | None:
    """A session for the owner of an account, or None while it is locked or when it isn't them."""
    person, now = (await session.execute(LOCKED, {"person": account.id})).one()
    clock.hear(session, now)
    if account.locked or (person.locked_until is not None and person.locked_until > now):
        return None
    if not right or person.password_hash != account.password_hash:
        _count_failure(person, now)
        return None
    person.failed_sign_ins, person.locked_until = 0, None
    return await sign_in_sessions.begin(
        session,
        identity=identity,
        person=person,
        device=caller.device,
        address=caller.address,
        made=caller.made,
    )


async def _checked(identity: Identity, account: _Account | None, password: str) -> bool:
    stored = account.password_hash if account else None
    try:
        return await identity.passwords.check(stored, password[: LENGTH_MOST + 1])
    except PasswordsBusy:
        message = "Too many people are signing in: try again in a moment."
        reason = RateLimited(path=["input"], message=message, retry_after_seconds=BUSY_SECONDS)
        raise Refused(reason) from None


async def _account(database: Database, email: str) -> _Account | None:
    if len(email) > EMAIL_MAX_CHARS or "\0" in email:
        return None
    async with database.read(PLATFORM) as session:
        row = (await session.execute(ACCOUNT, {"email": email.strip().lower()})).one_or_none()
    return _Account(*row) if row is not None else None


def _count_failure(person: Person, now: datetime) -> None:
    person.failed_sign_ins += 1
    beyond = person.failed_sign_ins - FREE_TRIES_COUNT
    if beyond >= 0:
        wait = min(LOCK_SECONDS * 2 ** min(beyond, 10), LOCK_MOST_SECONDS)
        person.locked_until = now + timedelta(seconds=wait)


async def _guest(session: AsyncSession, actor: Actor) -> Person | None:
    """The person behind the actor when that is a guest."""
    if actor.person_id is None:
        return None
    # The lock keeps other sign-ins of this guest waiting, and nobody who works on their orders.
    locked = {"key_share": True}
    person = await session.get(Person, actor.person_id, with_for_update=locked)
    if person is None or person.phone or person.email or person.merged_into_id:
        return None
    return person


async def _customer(session: AsyncSession, phone: str | None) -> Person:
    """A new person who may buy."""
    person = Person(phone=phone)
    session.add(person)
    await session.flush()
    session.add(Membership(person_id=person.id, role=Role.CUSTOMER))
    await session.flush()
    return person


async def _merge(session: AsyncSession, guest: Person, person: Person) -> None:
    await guest_merge.into(session, guest, person)
    await sign_in_sessions.revoke_all(session, person_id=guest.id, because=UPGRADED)
