"""Batch reads of the ways of rides."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import DeliveryTrack


async def track_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[DeliveryTrack | None]:
    """The ways of deliveries, for their company and support."""
    rows = await session.scalars(
        select(DeliveryTrack).where(among(DeliveryTrack.delivery_id, delivery_ids))
    )
    found = {row.delivery_id: row for row in rows}
    return [found.get(key) for key in delivery_ids]
