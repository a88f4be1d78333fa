from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import public
from dataloaders.keys import matches_keys, one_per_key
from models.companies import Company

COMPANY = prepared(select(Company).where(matches_keys(Company.id)))


@public
async def company_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Company | None]:
    return await one_per_key(session, COMPANY, keys)
