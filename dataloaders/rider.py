"""Batch reads of riders and where they are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import asked, one_each
from models import Delivery, Rider, RiderPosition
from models.light import kept

RIDER = kept(select(Rider).where(asked(Rider.id)))
RIDER_POSITION_BY_RIDER_ID = kept(select(RiderPosition).where(asked(RiderPosition.rider_id)))
OF_ORDER = kept(
    select(Delivery.order_id, Delivery.rider_id, RiderPosition)
    .outerjoin(RiderPosition, RiderPosition.rider_id == Delivery.rider_id)
    .where(asked(Delivery.order_id))
    .order_by(Delivery.order_id, Delivery.id.desc())
    .ext(distinct_on(Delivery.order_id))
)
Found = tuple[UUID | None, RiderPosition | None]
"""A rider's key, and where they were last seen."""


async def rider_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Rider | None]:
    """Riders by key, for themselves and their company."""
    return await one_each(session, RIDER, ids)


async def position_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[RiderPosition | None]:
    """Where riders were last seen; a customer may see the rider of the own live delivery."""
    return await one_each(session, RIDER_POSITION_BY_RIDER_ID, rider_ids, "rider_id")


async def position_by_order(session: AsyncSession, order_ids: Sequence[UUID]) -> list[Found | None]:
    """Who rides the newest delivery of each order, and where they were last seen."""
    rows = await session.execute(OF_ORDER, {"keys": [*order_ids]})
    found: dict[UUID, Found] = {order_id: (rider_id, at) for order_id, rider_id, at in rows}
    return [found.get(key) for key in order_ids]
