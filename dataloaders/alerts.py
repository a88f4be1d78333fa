"""Batch reads of stock alerts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import asked, one_each
from models.alerts import StockAlert

ALERT = kept(select(StockAlert).where(asked(StockAlert.id)))


async def alert_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockAlert | None]:
    """Alerts by key, as far as the scope may see them."""
    return await one_each(session, ALERT, ids)
