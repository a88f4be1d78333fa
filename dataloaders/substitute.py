"""Batch reads of what is put in bags for products that were not there."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Substitute


async def substitutes_by_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[Substitute]]:
    """What was proposed for each order, the oldest first."""
    rows = await session.scalars(
        select(Substitute).where(among(Substitute.order_id, ids)).order_by(Substitute.id)
    )
    found: defaultdict[UUID, list[Substitute]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return [found[key] for key in ids]
