"""Everybody who proves a phone or an e-mail address is a customer, whoever made their row."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from models.accounts import Membership, User
from models.identity import Actor, Role


async def create_customer(session: AsyncSession, person: User) -> User:
    """Add a new person with the role CUSTOMER."""
    session.add(person)
    await session.flush()
    await ensure_customer(session, person.id)
    return person


async def ensure_customer(session: AsyncSession, person_id: UUID) -> None:
    """Give a person the role CUSTOMER unless they have it: a row may exist without it."""
    await session.execute(
        insert(Membership)
        .values(id=uuid7(), person_id=person_id, role=Role.CUSTOMER)
        .on_conflict_do_nothing()
    )


async def find_guest(session: AsyncSession, actor: Actor) -> User | None:
    """Return the actor's person if that is a guest, locked. Needs the platform scope."""
    if actor.person_id is None or actor.app_id is not None:
        return None
    # The lock blocks other sign-ins of this guest, but no commands on their orders.
    lock = {"key_share": True}
    person = await session.get(User, actor.person_id, with_for_update=lock)
    return person if person is not None and person.is_guest else None
