from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders import public
from dataloaders.keys import asked, one_each
from models.companies import Company

COMPANY = kept(select(Company).where(asked(Company.id)))


@public
async def company_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Company | None]:
    return await one_each(session, COMPANY, keys)
