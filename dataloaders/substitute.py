"""Batch reads of what is put in bags for products that were not there."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, many_each
from models import Substitute
from models.light import kept

SUBSTITUTES = kept(select(Substitute).where(asked(Substitute.order_id)).order_by(Substitute.id))


async def substitutes_by_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[Substitute]]:
    """What was proposed for each order, the oldest first."""
    return await many_each(session, SUBSTITUTES, ids, "order_id")
