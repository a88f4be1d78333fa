"""Batch reads of deliveries, offers, riders and their tracks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import asked, many_each, one_each
from models.delivery import (
    Delivery,
    DeliveryOffer,
    DeliveryTrack,
    OfferStatus,
    Rider,
    RiderPosition,
)

OFFERS_SHOWN = 50

DELIVERY = kept(select(Delivery).where(asked(Delivery.id)))
NEWEST = kept(
    select(Delivery)
    .where(asked(Delivery.order_id))
    .order_by(Delivery.order_id, Delivery.id.desc())
    .ext(distinct_on(Delivery.order_id))
)
DELIVERY_OFFER = kept(select(DeliveryOffer).where(asked(DeliveryOffer.id)))
OFFERS = kept(
    select(DeliveryOffer).where(asked(DeliveryOffer.delivery_id)).order_by(DeliveryOffer.id.desc())
)
OPEN_OFFERS = kept(
    select(DeliveryOffer).where(
        asked(DeliveryOffer.rider_id), DeliveryOffer.status == OfferStatus.OFFERED
    )
)


async def delivery_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Delivery | None]:
    """Deliveries by key, as far as the scope may see them."""
    return await one_each(session, DELIVERY, ids)


async def delivery_by_order(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> list[Delivery | None]:
    """The newest delivery of each order."""
    return await one_each(session, NEWEST, order_ids, "order_id")


async def offer_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[DeliveryOffer | None]:
    """Offers by key, for the rider who was asked and the company."""
    return await one_each(session, DELIVERY_OFFER, ids)


async def offers_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[list[DeliveryOffer]]:
    """Who was asked for each delivery, the last one first, at most 50 of each."""
    found = await many_each(session, OFFERS, delivery_ids, "delivery_id")
    return [offers[:OFFERS_SHOWN] for offers in found]


async def open_offers_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[list[DeliveryOffer]]:
    """The offers that wait for each rider's answer: at most one."""
    return await many_each(session, OPEN_OFFERS, rider_ids, "rider_id")


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


DELIVERY_TRACK_BY_DELIVERY_ID = kept(select(DeliveryTrack).where(asked(DeliveryTrack.delivery_id)))


async def track_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[DeliveryTrack | None]:
    """The ways of deliveries, for their company and support."""
    return await one_each(session, DELIVERY_TRACK_BY_DELIVERY_ID, delivery_ids, "delivery_id")
