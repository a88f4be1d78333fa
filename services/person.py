"""People: the signed-in person as they see themselves, and what they may change."""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Actor, Grant, Person, SignInSession
from services import session as sessions
from services.refusal import InvalidInput, Refused, not_found
from services.text import line

NAME_MAX_CHARS = 100
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
    def grants(self) -> tuple[Grant, ...]:
        return self.actor.grants


@dataclass(frozen=True, slots=True)
class Device:
    """A session as its owner sees it; `current` is the one that asks."""

    row: SignInSession
    current: bool


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
    rows = await sessions.live_of(session, person_id=actor.person_id)
    return [Device(row, row.id == actor.session_id) for row in rows]


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
