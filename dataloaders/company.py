from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from dataloaders.keys import among
from models import Company


@public
async def company_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Company | None]:
    rows = await session.scalars(select(Company).where(among(Company.id, keys)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in keys]
