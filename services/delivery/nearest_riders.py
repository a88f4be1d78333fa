"""The free rider nearest to a store: who may be asked next for a delivery."""

from typing import Any

from sqlalchemy import text

from database.statements import kept
from models.delivery import Delivery

FRESH_SECONDS = 60
REACH_M = 10_000

# The index on rider_position.point gives riders in the order of their distance, so that only the
# nearest are looked at. A rider whose row is locked is being asked by somebody else just now.
NEAREST = kept(
    text(
        """
    select rider.id, rider.person_id, rider.vehicle,
        ST_Distance(seen.point, (select point from store where id = :store)) as distance_m
    from rider_position seen
    join rider on rider.id = seen.rider_id
    where seen.company_id = :company
        and seen.seen_at > clock_timestamp() - make_interval(secs => :fresh_seconds)
        and rider.status = 'ONLINE' and rider.live_delivery_id is null
        and seen.seen_at >= rider.online_since
        and ST_Distance(seen.point, (select point from store where id = :store)) <= :reach_m
        and not exists (
            select from delivery_offer asked
            where asked.rider_id = rider.id
                and (asked.status = 'OFFERED'
                    or asked.delivery_id = :delivery and asked.round = :round)
        )
    order by seen.point <-> (select point from store where id = :store)
    limit 1
    for update of rider skip locked
    """
    )
)


def nearest_to(delivery: Delivery) -> dict[str, Any]:
    """What NEAREST is asked with, for the delivery's present round."""
    return {
        "store": delivery.store_id,
        "company": delivery.company_id,
        "delivery": delivery.id,
        "round": delivery.round,
        "fresh_seconds": FRESH_SECONDS,
        "reach_m": REACH_M,
    }
