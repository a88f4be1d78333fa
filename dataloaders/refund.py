"""Batch reads of refunds."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, many_each
from models import Refund
from models.light import kept

REFUNDS = kept(select(Refund).where(asked(Refund.order_id)).order_by(Refund.id))


async def refunds_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Refund]]:
    """The refunds of each order, the oldest first."""
    return await many_each(session, REFUNDS, ids, "order_id")
