"""Batch reads of refunds."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Refund


async def refunds_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Refund]]:
    """The refunds of each order, the oldest first."""
    rows = await session.scalars(
        select(Refund).where(among(Refund.order_id, ids)).order_by(Refund.id)
    )
    found: defaultdict[UUID, list[Refund]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return [found[key] for key in ids]
