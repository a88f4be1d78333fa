"""Batch reads of rides and of the offers made for them."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among, asked, one_each
from models import Delivery, DeliveryOffer, OfferStatus
from models.light import kept

OFFERS_SHOWN = 50

DELIVERY = kept(select(Delivery).where(asked(Delivery.id)))
NEWEST = kept(
    select(Delivery)
    .where(asked(Delivery.order_id))
    .order_by(Delivery.order_id, Delivery.id.desc())
    .ext(distinct_on(Delivery.order_id))
)
DELIVERY_OFFER = kept(select(DeliveryOffer).where(asked(DeliveryOffer.id)))


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
    rows = await session.scalars(
        select(DeliveryOffer)
        .where(among(DeliveryOffer.delivery_id, delivery_ids))
        .order_by(DeliveryOffer.id.desc())
    )
    found: dict[UUID, list[DeliveryOffer]] = defaultdict(list)
    for row in rows:
        if len(found[row.delivery_id]) < OFFERS_SHOWN:
            found[row.delivery_id].append(row)
    return [found[key] for key in delivery_ids]


async def open_offers_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[list[DeliveryOffer]]:
    """The offers that wait for each rider's answer: at most one."""
    rows = await session.scalars(
        select(DeliveryOffer).where(
            among(DeliveryOffer.rider_id, rider_ids), DeliveryOffer.status == OfferStatus.OFFERED
        )
    )
    found: dict[UUID, list[DeliveryOffer]] = defaultdict(list)
    for row in rows:
        found[row.rider_id].append(row)
    return [found[key] for key in rider_ids]
