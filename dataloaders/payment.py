"""Batch reads of payments."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Payment


async def payment_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[Payment | None]:
    """The payment of each order."""
    rows = await session.scalars(
        select(Payment)
        .where(among(Payment.order_id, ids))
        .order_by(Payment.order_id, Payment.id.desc())
        .ext(distinct_on(Payment.order_id))
    )
    found = {row.order_id: row for row in rows}
    return [found.get(key) for key in ids]
