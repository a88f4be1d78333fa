"""The signed-in person's profile, roles and sessions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import User
from models.identity import Actor, Grant, Role, SignInSession
from models.stores import Store
from services.accounts.language_tags import parse_language_tag
from services.core.access import STORE_ROLES, SUPPORT_ROLES
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_line
from services.identity import sign_in_sessions

CONTACT_ROLES = SUPPORT_ROLES | {Role.COMPANY_ADMIN, Role.STORE_MANAGER}
MAX_NAME_CHARS = 100
MAX_STORES = 100


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person, with the roles of their access token."""

    person: User
    actor: Actor

    @property
    def id(self) -> UUID:
        return self.person.id

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def phone(self) -> str | None:
        return self.person.phone

    @property
    def email(self) -> str | None:
        return self.person.email

    @property
    def language(self) -> str:
        return self.person.language

    @property
    def role_assignments(self) -> list[Grant]:
        return list(self.actor.grants)


@dataclass(frozen=True, slots=True)
class CustomerProfile:
    """The viewer as a customer."""

    person: User

    @property
    def id(self) -> UUID:
        return self.person.id


@dataclass(frozen=True, slots=True)
class StaffProfile:
    """The viewer as staff of a company or the platform."""

    actor: Actor

    @property
    def role_assignments(self) -> list[Grant]:
        return list(self.actor.grants)


@dataclass(frozen=True, slots=True)
class SupportAgentProfile:
    """The viewer as a support agent of companies or of the platform."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """A sign-in session as its owner sees it; `current` marks the one of this request."""

    row: SignInSession
    is_current: bool

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def device_name(self) -> str:
        return self.row.device

    @property
    def ip_address(self) -> str:
        return self.row.address

    @property
    def created_at(self) -> datetime:
        return self.row.created_at

    @property
    def last_used_at(self) -> datetime:
        return self.row.last_used_at

    @property
    def expires_at(self) -> datetime:
        return self.row.expires_at


async def get_viewer(session: AsyncSession, *, actor: Actor) -> Viewer | None:
    """Return the signed-in person, None for an anonymous caller."""
    if actor.person_id is None:
        return None
    person = await session.get(User, actor.person_id)
    return Viewer(person, actor) if person is not None else None


async def list_device_sessions(session: AsyncSession, *, actor: Actor) -> list[DeviceSession]:
    """Return the actor's live sessions, last used first."""
    if actor.person_id is None:
        return []
    rows = await sign_in_sessions.list_live_sessions(session, person_id=actor.person_id)
    return [DeviceSession(row, row.id == actor.session_id) for row in rows]


async def list_staff_stores(session: AsyncSession, *, actor: Actor) -> list[Store]:
    """Return the stores in which the actor works, by company and code, at most 100."""
    conditions = [
        Store.id == grant.store_id if grant.store_id else Store.company_id == grant.company_id
        for grant in actor.grants
        if grant.role in STORE_ROLES and grant.company_id
    ]
    if Role.SUPER_ADMIN in actor.roles:
        conditions.append(true())
    order = (Store.company_id, Store.code)
    rows = await session.scalars(
        select(Store).where(or_(false(), *conditions)).order_by(*order).limit(MAX_STORES)
    )
    return list(rows)


async def update_person(
    session: AsyncSession, *, actor: Actor, name: str | None, language: str | None
) -> User:
    """Change the actor's name and language; None keeps the current value.

    Raises DomainError: NotFound, InvalidInput.
    """
    person = await session.get(User, actor.person_id) if actor.person_id else None
    if person is None:
        raise not_found(User)
    if name is not None:
        person.name = parse_line(name, "input", "name", max_length=MAX_NAME_CHARS)
    if language is not None:
        tag = parse_language_tag(language)
        if tag is None:
            message = "A language is a tag such as en, zh-Hant or pt-PT."
            raise DomainError(InvalidInput(path=["input", "language"], message=message))
        person.language = tag
    await session.flush()
    return person


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """Return the person with this address (in lower case). Needs the platform scope."""
    person: User | None = await session.scalar(select(User).where(func.lower(User.email) == email))
    return person


async def lock_contact(session: AsyncSession, contact: str) -> None:
    """Lock a phone number or e-mail until the transaction ends, so that only one person gets it."""
    lock_id = func.hashtextextended(f"person:{contact}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock_id)))


def may_contact(person: User, actor: Actor) -> bool:
    """Whether `actor` may see phone and e-mail of a person whose row they see."""
    return actor.person_id == person.id or not CONTACT_ROLES.isdisjoint(actor.roles)
