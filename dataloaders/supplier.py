from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import Supplier
from models.light import kept

SUPPLIER = kept(select(Supplier).where(asked(Supplier.id)))


async def supplier_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Supplier | None]:
    """Suppliers by key, as far as the scope may see them."""
    return await one_each(session, SUPPLIER, ids)
