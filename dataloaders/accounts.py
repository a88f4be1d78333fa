"""Batch reads of people and their addresses."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders import public
from dataloaders.keys import KEYS, asked, many_each, one_each
from models.accounts import Address, Person
from models.geo_point import Point
from services.accounts.addresses import ADDRESSES
from services.stores import coverage

PERSON = kept(select(Person).where(asked(Person.id)))


async def person_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Person | None]:
    """People the actor may see: themselves, and those who work for their companies."""
    return await one_each(session, PERSON, keys)


BOOKS = kept(
    select(Address)
    .where(asked(Address.person_id), Address.removed_at.is_(None))
    .order_by(Address.id.desc())
    .limit(ADDRESSES * func.cardinality(KEYS))
)


@public
async def served_by_point(session: AsyncSession, keys: Sequence[Point]) -> list[bool]:
    return await coverage.served(session, keys)


async def addresses_by_person(session: AsyncSession, keys: Sequence[UUID]) -> list[list[Address]]:
    """Each person's address book, the newest first; a book is bounded when it is written."""
    return await many_each(session, BOOKS, keys, "person_id")
