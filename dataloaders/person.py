from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import Person
from models.light import kept

PERSON = kept(select(Person).where(asked(Person.id)))


async def person_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Person | None]:
    """People the actor may see: themselves, and those who work for their companies."""
    return await one_each(session, PERSON, keys)
