"""Batch reads of stock alerts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import matches_keys, one_per_key
from models.alerts import StockAlert

ALERT = prepared(select(StockAlert).where(matches_keys(StockAlert.id)))


async def alert_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[StockAlert | None]:
    """Alerts by id; None for those outside the session's scope."""
    return await one_per_key(session, ALERT, ids)
