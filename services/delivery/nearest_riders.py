"""Finds the free rider nearest to a store."""

from typing import Any

from sqlalchemy import text

from database.statements import prepared
from models.delivery import Delivery
from services.delivery.ride_settings import SETTINGS

# The index on rider_position.point returns riders in the order of their distance, so only the
# nearest are read. A rider whose row is locked is getting an offer from another transaction.
NEAREST_RIDER = prepared(
    text(
        """
    select rider.id, rider.person_id, rider.vehicle,
        ST_Distance(last_position.point, (select point from store where id = :store)) as distance_m
    from rider_position last_position
    join rider on rider.id = last_position.rider_id
    where last_position.company_id = :company
        and last_position.recorded_at > clock_timestamp() - make_interval(secs => :fresh_seconds)
        and rider.status = 'ONLINE' and rider.live_delivery_id is null
        and rider.person_id <> :customer  -- nobody delivers the own order
        and last_position.recorded_at >= rider.online_since
        and ST_Distance(last_position.point, (select point from store where id = :store))
            <= :max_distance_m
        and not exists (
            select from delivery_offer offer
            where offer.rider_id = rider.id
                and (offer.status = 'OFFERED'
                    or offer.delivery_id = :delivery and offer.dispatch_round = :round)
        )
    order by last_position.point <-> (select point from store where id = :store)
    limit 1
    for update of rider skip locked
    """
    )
)


def nearest_rider_parameters(delivery: Delivery) -> dict[str, Any]:
    """The parameters of NEAREST_RIDER for the delivery's present round and step of the search."""
    wide = delivery.search_step > 0
    return {
        "store": delivery.store_id,
        "company": delivery.company_id,
        "delivery": delivery.id,
        "round": delivery.dispatch_round,
        "fresh_seconds": SETTINGS.position_fresh_seconds,
        "max_distance_m": SETTINGS.wide_rider_distance_m if wide else SETTINGS.rider_distance_m,
        "customer": delivery.customer_id,
    }
