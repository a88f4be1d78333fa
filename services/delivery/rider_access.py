"""Who sees which rider, and what of them: name, contact data, position, present delivery.

Row-level security keeps the riders of other companies away, and shows customers the position of
their own rider in TRACKED_STATUSES only. Riders who are offline have no position at all. What is
left depends on the roles inside the company, and is decided here for every root field, node and
nested path.
"""

from collections.abc import Set
from uuid import UUID

from models.delivery import Delivery
from models.identity import Actor, Role
from models.riders import Rider, RiderLocation, RiderStatus
from services.delivery.delivery_parties import STORE_AND_SUPPORT_ROLES, is_store_staff

# They manage riders: they see all of the company, with contact data.
RIDER_MANAGER_ROLES = STORE_AND_SUPPORT_ROLES - {Role.STORE_STAFF}


def manages_riders(actor: Actor, company_id: UUID) -> bool:
    """Whether `actor` is a manager, an admin or a support agent of the riders' company."""
    return _has_role(actor, company_id, RIDER_MANAGER_ROLES)


def staffed_stores(actor: Actor, company_id: UUID) -> frozenset[UUID]:
    """The stores of a company in which the actor works as staff."""
    return frozenset(
        grant.store_id
        for grant in actor.grants
        if grant.role is Role.STORE_STAFF and grant.company_id == company_id and grant.store_id
    )


def can_see_rider(actor: Actor, rider: Rider, live_delivery: Delivery | None) -> bool:
    """Whether `actor` sees the rider and their position now.

    The rider does, whoever manages the riders of the company, and the staff of the store whose
    delivery the rider is on.
    """
    if is_self(actor, rider) or manages_riders(actor, rider.company_id):
        return True
    return (
        live_delivery is not None
        and live_delivery.rider_id == rider.id
        and is_store_staff(live_delivery, actor)
    )


def can_see_contact(actor: Actor, rider: Rider) -> bool:
    """Whether `actor` sees the rider's phone and e-mail."""
    return is_self(actor, rider) or manages_riders(actor, rider.company_id)


def is_current_position(rider: Rider, position: RiderLocation) -> bool:
    """Whether a position is of the rider's present shift."""
    return (
        rider.status is RiderStatus.ONLINE
        and rider.online_since is not None
        and position.recorded_at >= rider.online_since
    )


def is_self(actor: Actor, rider: Rider) -> bool:
    return actor.signed_in and actor.person_id == rider.person_id


def _has_role(actor: Actor, company_id: UUID, roles: Set[Role]) -> bool:
    return any(
        grant.role in roles and grant.company_id in (None, company_id) for grant in actor.grants
    )
