"""What a person is to a delivery: its rider, who had its bags, its store's staff, its customer."""

from typing import Any

from models.delivery import FINAL_DELIVERY_STATUSES, Delivery
from models.identity import Actor
from services.core.access import STORE_ROLES, SUPPORT_ROLES, may_see_recipient
from services.delivery.rider_states import rider_companies

RIDER = "the rider"
STORE_AND_SUPPORT_ROLES = STORE_ROLES | SUPPORT_ROLES


def is_rider(delivery: Delivery, actor: Actor) -> bool:
    """Whether `actor` brings this delivery, and still rides for its company."""
    own = delivery.rider_person_id == actor.person_id
    return own and delivery.company_id in rider_companies(actor)


def has_carried(delivery: Delivery, actor: Actor) -> bool:
    """Whether `actor` brings this delivery or had its bags before, and rides no more or still."""
    if actor.person_id is None:
        return False
    had_bags = str(actor.person_id) in (delivery.former_carriers or ())
    return had_bags or delivery.rider_person_id == actor.person_id


def is_store_staff(delivery: Delivery, actor: Actor) -> bool:
    return actor.has_store_role(delivery.company_id, delivery.store_id, STORE_ROLES)


def can_see(delivery: Delivery, actor: Actor) -> bool:
    """Whether `actor` is the customer or the rider, or works for the store or in support."""
    own = actor.signed_in and actor.person_id in (delivery.customer_id, delivery.rider_person_id)
    return own or actor.has_store_role(
        delivery.company_id, delivery.store_id, STORE_AND_SUPPORT_ROLES
    )


def can_see_address(delivery: Delivery, actor: Actor) -> bool:
    """Whether `actor` may see name and address: a rider only until the delivery has ended."""
    is_open = delivery.status not in FINAL_DELIVERY_STATUSES
    if is_open and is_rider(delivery, actor):
        return True
    return may_see_recipient(delivery, actor, is_open, delivery.delivered_at)


def may_see_codes(row: Any, actor: Actor) -> bool:
    """Whether `actor` may see the codes that the store tells a rider: nobody proves by their own.

    Who rides for the company sees none, whatever role they hold in the store: they could read the
    code before the delivery is theirs.
    """
    return row.company_id not in rider_companies(actor)
