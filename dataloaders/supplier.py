from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Supplier


async def supplier_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Supplier | None]:
    """Suppliers by key, as far as the scope may see them."""
    rows = await session.scalars(select(Supplier).where(among(Supplier.id, ids)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in ids]
