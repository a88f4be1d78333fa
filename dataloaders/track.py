"""Batch reads of the ways of rides."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import DeliveryTrack
from models.light import kept

DELIVERY_TRACK_BY_DELIVERY_ID = kept(select(DeliveryTrack).where(asked(DeliveryTrack.delivery_id)))


async def track_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[DeliveryTrack | None]:
    """The ways of deliveries, for their company and support."""
    return await one_each(session, DELIVERY_TRACK_BY_DELIVERY_ID, delivery_ids, "delivery_id")
