from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from services import product as products
from services.product import Maker


@public
async def brand_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Maker | None]:
    return await products.makers(session, keys)
