"""Batch reads of riders and where they are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import Rider, RiderPosition
from models.light import kept

RIDER = kept(select(Rider).where(asked(Rider.id)))
RIDER_POSITION_BY_RIDER_ID = kept(select(RiderPosition).where(asked(RiderPosition.rider_id)))


async def rider_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Rider | None]:
    """Riders by key, for themselves and their company."""
    return await one_each(session, RIDER, ids)


async def position_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[RiderPosition | None]:
    """Where riders were last seen; a customer may see the rider of the own live delivery."""
    return await one_each(session, RIDER_POSITION_BY_RIDER_ID, rider_ids, "rider_id")
