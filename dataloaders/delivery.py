"""Batch reads of deliveries, offers, riders and their tracks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.delivery import Delivery, DeliveryOffer, DeliveryOfferStatus, DeliveryTrack
from models.riders import Rider, RiderLocation
from services.delivery.silent_riders import IS_SHOWN

MAX_OFFERS = 50

DELIVERY = prepared(select(Delivery).where(matches_keys(Delivery.id)))
NEWEST = prepared(
    select(Delivery)
    .where(matches_keys(Delivery.order_id))
    .order_by(Delivery.order_id, Delivery.id.desc())
    .ext(distinct_on(Delivery.order_id))
)
DELIVERY_OFFER = prepared(select(DeliveryOffer).where(matches_keys(DeliveryOffer.id)))
OFFERS = prepared(
    select(DeliveryOffer)
    .where(matches_keys(DeliveryOffer.delivery_id))
    .order_by(DeliveryOffer.id.desc())
)
OPEN_OFFERS = prepared(
    select(DeliveryOffer).where(
        matches_keys(DeliveryOffer.rider_id), DeliveryOffer.status == DeliveryOfferStatus.OFFERED
    )
)


async def delivery_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Delivery | None]:
    """Deliveries by key, as far as the scope may see them."""
    return await one_per_key(session, DELIVERY, ids)


async def delivery_by_order(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> list[Delivery | None]:
    """The newest delivery of each order."""
    return await one_per_key(session, NEWEST, order_ids, "order_id")


async def offer_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[DeliveryOffer | None]:
    """Offers by key, for their rider and the company."""
    return await one_per_key(session, DELIVERY_OFFER, ids)


OFFERS_IN_TIME = prepared(
    select(DeliveryOffer.id).where(
        matches_keys(DeliveryOffer.id), DeliveryOffer.expires_at > func.clock_timestamp()
    )
)


async def offer_in_time_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[bool]:
    """Whether each offer has not expired: a job closes expired offers a little later."""
    in_time = set(await session.scalars(OFFERS_IN_TIME, {"keys": [*ids]}))
    return [key in in_time for key in ids]


async def offers_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[list[DeliveryOffer]]:
    """The offers of each delivery, the newest first, at most MAX_OFFERS of each."""
    rows = await many_per_key(session, OFFERS, delivery_ids, "delivery_id")
    return [offers[:MAX_OFFERS] for offers in rows]


async def open_offers_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[list[DeliveryOffer]]:
    """The open offers of each rider: at most one."""
    return await many_per_key(session, OPEN_OFFERS, rider_ids, "rider_id")


RIDER = prepared(select(Rider).where(matches_keys(Rider.id)))
RIDERS_BY_PERSON = prepared(select(Rider).where(matches_keys(Rider.person_id)).order_by(Rider.id))
RIDER_POSITION_BY_RIDER_ID = prepared(
    select(RiderLocation).where(matches_keys(RiderLocation.rider_id))
)
SHOWN_LOCATION_BY_RIDER_ID = prepared(
    select(RiderLocation)
    .join(Rider, Rider.id == RiderLocation.rider_id)
    .where(matches_keys(RiderLocation.rider_id), IS_SHOWN)
)
POSITION_BY_ORDER = prepared(
    select(Delivery.order_id, Delivery.rider_id, RiderLocation)
    .outerjoin(RiderLocation, RiderLocation.rider_id == Delivery.rider_id)
    .where(matches_keys(Delivery.order_id))
    .order_by(Delivery.order_id, Delivery.id.desc())
    .ext(distinct_on(Delivery.order_id))
)
RiderPlace = tuple[UUID | None, RiderLocation | None]
"""The id of a rider and their last position."""


async def rider_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Rider | None]:
    """Riders by key, for themselves and their company."""
    return await one_per_key(session, RIDER, ids)


async def riders_by_person(session: AsyncSession, person_ids: Sequence[UUID]) -> list[list[Rider]]:
    """People as riders of each of their companies, for themselves."""
    return await many_per_key(session, RIDERS_BY_PERSON, person_ids, "person_id")


async def position_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[RiderLocation | None]:
    """The last positions of riders; customers see the rider of their own open delivery."""
    return await one_per_key(session, RIDER_POSITION_BY_RIDER_ID, rider_ids, "rider_id")


async def shown_location_by_rider(
    session: AsyncSession, rider_ids: Sequence[UUID]
) -> list[RiderLocation | None]:
    """The last positions of riders, without those of silent riders who have no delivery."""
    return await one_per_key(session, SHOWN_LOCATION_BY_RIDER_ID, rider_ids, "rider_id")


async def position_by_order(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> list[RiderPlace | None]:
    """The rider of the newest delivery of each order, and their last position."""
    rows = await session.execute(POSITION_BY_ORDER, {"keys": [*order_ids]})
    locations: dict[UUID, RiderPlace] = {
        order_id: (rider_id, position) for order_id, rider_id, position in rows
    }
    return [locations.get(key) for key in order_ids]


DELIVERY_TRACK_BY_DELIVERY_ID = prepared(
    select(DeliveryTrack).where(matches_keys(DeliveryTrack.delivery_id))
)


async def track_by_delivery(
    session: AsyncSession, delivery_ids: Sequence[UUID]
) -> list[DeliveryTrack | None]:
    """The tracks of deliveries, for their company and support."""
    return await one_per_key(session, DELIVERY_TRACK_BY_DELIVERY_ID, delivery_ids, "delivery_id")
