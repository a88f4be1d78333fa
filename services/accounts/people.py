"""People: the signed-in person as they see themselves, and what they may change."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.accounts import Person
from models.identity import Actor, Grant, Role, SignInSession
from models.stores import Store
from services.core.access import STORE_ROLES
from services.core.problems import InvalidInput, Refused, not_found
from services.core.text import line
from services.identity import sign_in_sessions

NAME_MAX_CHARS = 100
STORES_COUNT = 100
LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person, with the roles of their token."""

    person: Person
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
    def grants(self) -> list[Grant]:
        return list(self.actor.grants)


@dataclass(frozen=True, slots=True)
class CustomerSelf:
    """The viewer as a customer."""

    person: Person

    @property
    def id(self) -> UUID:
        return self.person.id


@dataclass(frozen=True, slots=True)
class StaffSelf:
    """The viewer as somebody who works for a company or the platform."""

    actor: Actor

    @property
    def grants(self) -> list[Grant]:
        return list(self.actor.grants)


@dataclass(frozen=True, slots=True)
class SupportAgentSelf:
    """The viewer as a support agent of companies or of the platform."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its owner sees it; `current` is the one that asks."""

    row: SignInSession
    current: bool

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def device(self) -> str:
        return self.row.device

    @property
    def address(self) -> str:
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


async def viewer(session: AsyncSession, *, actor: Actor) -> Viewer | None:
    """The signed-in person, or None when nobody is."""
    if actor.person_id is None:
        return None
    person = await session.get(Person, actor.person_id)
    return Viewer(person, actor) if person is not None else None


async def devices(session: AsyncSession, *, actor: Actor) -> list[Device]:
    """The actor's living sessions, the last used first."""
    if actor.person_id is None:
        return []
    rows = await sign_in_sessions.live_of(session, person_id=actor.person_id)
    return [Device(row, row.id == actor.session_id) for row in rows]


async def stores(session: AsyncSession, *, actor: Actor) -> list[Store]:
    """The stores in which the actor works, by code: at most 100."""
    places = [
        Store.id == grant.store_id if grant.store_id else Store.company_id == grant.company_id
        for grant in actor.grants
        if grant.role in STORE_ROLES and grant.company_id
    ]
    if Role.SUPER_ADMIN in actor.roles:
        places.append(true())
    order = (Store.company_id, Store.code)
    rows = await session.scalars(
        select(Store).where(or_(false(), *places)).order_by(*order).limit(STORES_COUNT)
    )
    return list(rows)


async def update(
    session: AsyncSession, *, actor: Actor, name: str | None, language: str | None
) -> Person:
    """Change what the actor is called and reads; None leaves a thing as it is."""
    person = await session.get(Person, actor.person_id) if actor.person_id else None
    if person is None:
        raise not_found(Person)
    if name is not None:
        person.name = line(name, "input", "name", most=NAME_MAX_CHARS)
    if language is not None:
        if not LANGUAGE.match(language):
            message = "A language is a tag such as en, zh-Hant or pt-PT."
            raise Refused(InvalidInput(path=["input", "language"], message=message))
        person.language = language
    await session.flush()
    return person


async def hold_name(session: AsyncSession, name: str) -> None:
    """Until this unit of work ends, nobody else gives the phone or e-mail `name` to a person."""
    number = func.hashtextextended(f"person:{name}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(number)))
