"""Batch reads of payments."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import Payment
from models.light import kept

NEWEST = kept(
    select(Payment)
    .where(asked(Payment.order_id))
    .order_by(Payment.order_id, Payment.id.desc())
    .ext(distinct_on(Payment.order_id))
)


async def payment_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[Payment | None]:
    """The payment of each order."""
    return await one_each(session, NEWEST, ids, "order_id")
