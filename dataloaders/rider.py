"""Batch reads of riders and where they are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among
from models import Rider, RiderPosition


async def rider_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Rider | None]:
    """Riders by key, for themselves and their company."""
    rows = await session.scalars(select(Rider).where(among(Rider.id, ids)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in ids]


async def position_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[RiderPosition | None]:
    """Where riders were last seen; a customer may see the rider of the own live delivery."""
    rows = await session.scalars(
        select(RiderPosition).where(among(RiderPosition.rider_id, rider_ids))
    )
    found = {row.rider_id: row for row in rows}
    return [found.get(key) for key in rider_ids]
