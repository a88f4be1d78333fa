from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Person


async def person_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Person | None]:
    """People the actor may see: themselves, and those who work for their companies."""
    rows = await session.scalars(select(Person).where(among(Person.id, keys)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in keys]
