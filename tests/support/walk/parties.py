"""Who is a party of a row, said again, independently of the product: by the row and its world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from database.base import Base
from models.accounts import Membership
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus, DeliveryTrack
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentStatus
from models.identity import Actor, Role
from models.orders import Order, OrderStatus
from models.riders import Rider, RiderStatus
from models.transfers import StockTransfer, StockTransferLine
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.order_rows import Keys

STORE_ROLES = frozenset(
    {Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN}
)
MANAGER_ROLES = STORE_ROLES - {Role.STORE_STAFF}
SUPPORT_ROLES = frozenset({Role.SUPPORT_AGENT, Role.SUPER_ADMIN})
ADMIN_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.RETURNED, DeliveryStatus.CANCELED)
NOT_TO_CUSTOMER = (
    *ENDED, DeliveryStatus.RETURNING, DeliveryStatus.SEARCHING, DeliveryStatus.OFFERED,
)  # fmt: skip
Party = Callable[["World", Actor, Any], bool]
IdOf = Callable[[str], str | None]


@dataclass
class World:
    """People by name, and the rows of the city's companies by model and key.

    `places` has the keys of the rows of one order in one situation, by a name of the situation.
    """

    city: City
    clients: dict[str, ActorClient]
    rows: dict[type[Base], dict[UUID, Any]]
    places: dict[str, Keys]
    numbers: Mapping[float, tuple[type[Base], str, UUID]] = field(default_factory=dict)
    lines: Mapping[bytes, tuple[type[Base], str, UUID]] = field(default_factory=dict)
    """The polylines of tracks, as they stand in JSON."""

    def order_of(self, row: Any) -> Any:
        """The order that a row belongs to; None when it is not of this city."""
        key: Any = row.id if isinstance(row, Order) else getattr(row, "order_id", None)
        return self.rows[Order].get(key)

    def store_of(self, row: Any) -> UUID | None:
        """The store of a row: its order's as it is now, else its own."""
        if isinstance(row, DeliveryTrack):
            row = self.rows[Delivery][row.delivery_id]
        of_its_own = isinstance(row, Fulfillment | FulfillmentLine | Delivery | DeliveryOffer)
        order = None if of_its_own else self.order_of(row)
        return getattr(order or row, "store_id", None)


def own(world: World, actor: Actor, row: Any) -> bool:
    """The customer, or the person the row is about."""
    owner = getattr(row, "customer_id", None) or getattr(row, "person_id", None)
    return actor.person_id is not None and actor.person_id == owner


def sends(world: World, actor: Actor, row: Any) -> bool:
    """The person of a file that belongs to no company."""
    return row.company_id is None and actor.person_id == row.owner_id


def works_in_company_of_file(world: World, actor: Actor, row: Any) -> bool:
    """Staff of the company for pictures of products, its admins for documents."""
    roles = ADMIN_ROLES if row.purpose == "COMPANY_DOCUMENT" else STORE_ROLES
    held = (g for g in actor.grants if g.role in roles and g.company_id in (None, row.company_id))
    return row.company_id is not None and any(held)


def supports_file(world: World, actor: Actor, row: Any) -> bool:
    """Support of the platform, for photos that belong to no company."""
    held = (g for g in actor.grants if g.role in SUPPORT_ROLES and g.company_id is None)
    return row.company_id is None and row.purpose == "TICKET_PHOTO" and any(held)


def own_talk(world: World, actor: Actor, row: Any) -> bool:
    """The customer, unless it is a case that the system has opened for support."""
    return own(world, actor, row) and not getattr(row, "internal", False)


def oneself(world: World, actor: Actor, row: Any) -> bool:
    return bool(actor.person_id == row.id)


def invited_by(world: World, actor: Actor, row: Any) -> bool:
    return bool(actor.person_id == row.invited_by_id)


def rides(world: World, actor: Actor, row: Any) -> bool:
    return actor.signed_in and row.rider_person_id == actor.person_id


def rides_now(world: World, actor: Actor, row: Any) -> bool:
    return rides(world, actor, row) and row.status not in ENDED


def works(world: World, actor: Actor, row: Any) -> bool:
    """Store staff, managers and admins of the row's store."""
    store = world.store_of(row)
    return store is not None and actor.has_store_role(row.company_id, store, STORE_ROLES)


def works_at_either_end(world: World, actor: Actor, row: Any) -> bool:
    if isinstance(row, StockTransferLine):
        row = world.rows[StockTransfer][row.transfer_id]
    ends = (row.source_id, row.destination_id)
    return any(actor.has_store_role(row.company_id, store, STORE_ROLES) for store in ends)


def works_while_open(world: World, actor: Actor, row: Any) -> bool:
    """The same, from the payment of an order until a day after its end."""
    return works(world, actor, row) and is_in_hand(row)


def awaits_return(world: World, actor: Actor, row: Any) -> bool:
    """The staff of the store to which the bags come back."""
    return works(world, actor, row) and row.status is DeliveryStatus.RETURNING


def is_in_hand(row: Any) -> bool:
    """Whether a store still has to do with the recipient."""
    if isinstance(row, Fulfillment):
        lost = (FulfillmentStatus.REJECTED, FulfillmentStatus.TIMED_OUT)
        return row.status not in lost and is_recent(row.handed_over_at)
    if isinstance(row, Delivery):
        return is_recent(row.delivered_at)
    paid = row.status in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
    return paid and is_recent(row.completed_at)


def is_recent(at: datetime | None) -> bool:
    return at is None or datetime.now(UTC) - at < timedelta(days=1)


def supports(world: World, actor: Actor, row: Any) -> bool:
    return actor.has_company_role(row.company_id, SUPPORT_ROLES)


def integrates(world: World, actor: Actor, row: Any) -> bool:
    """The apps of the row's company; the walk's rule names the scope that they need as well."""
    return actor.app_id is not None and row.company_id in actor.company_ids


def administers(world: World, actor: Actor, row: Any) -> bool:
    return actor.has_company_role(row.company_id, ADMIN_ROLES)


def manages(world: World, actor: Actor, row: Any) -> bool:
    """Managers of any store, and admins, of the row's company."""
    grants = (g for g in actor.grants if g.role in MANAGER_ROLES)
    return any(grant.company_id in (None, row.company_id) for grant in grants)


def manages_there(world: World, actor: Actor, row: Any) -> bool:
    """Managers of the row's store, and admins of its company."""
    if row.store_id is None:
        return administers(world, actor, row)
    return actor.has_store_role(row.company_id, row.store_id, MANAGER_ROLES)


def works_in_company(world: World, actor: Actor, row: Any) -> bool:
    roles = STORE_ROLES | SUPPORT_ROLES
    grants = (g for g in actor.grants if g.role in roles)
    return any(g.company_id in (None, row.company_id) for g in grants)


def works_where_it_rides(world: World, actor: Actor, row: Any) -> bool:
    """The staff of the stores whose deliveries the rider was asked for, or carries."""
    asked = [*world.rows[DeliveryOffer].values(), *world.rows[Delivery].values()]
    return any(one.rider_id == row.id and works(world, actor, one) for one in asked)


def follows_ride(world: World, actor: Actor, row: Any) -> bool:
    """Who may see where a rider is: nobody once the rider is offline.

    Else the rider, those who manage the riders, the staff of the store whose delivery it is, and
    the customer while the bags are on the way to them.
    """
    rider = world.rows[Rider][row.rider_id]
    if rider.status is not RiderStatus.ONLINE:
        return False
    if own(world, actor, row) or manages(world, actor, row) or supports(world, actor, row):
        return True
    delivery = world.rows[Delivery].get(rider.live_delivery_id)
    if delivery is None:
        return False
    to_customer = own(world, actor, delivery) and delivery.status not in NOT_TO_CUSTOMER
    return to_customer or works(world, actor, delivery)


def contacts(world: World, actor: Actor, row: Any) -> bool:
    """Managers, admins and support of a company that the person works for."""
    roles = MANAGER_ROLES | SUPPORT_ROLES
    return _employs(world, actor, row, roles)


def colleagues(world: World, actor: Actor, row: Any) -> bool:
    """Whoever works for a company that the person works for."""
    return _employs(world, actor, row, STORE_ROLES | SUPPORT_ROLES)


def _employs(world: World, actor: Actor, row: Any, roles: frozenset[Role]) -> bool:
    companies = {
        one.company_id for one in world.rows[Membership].values() if one.person_id == row.id
    }
    grants = [grant for grant in actor.grants if grant.role in roles]
    return any(grant.company_id is None or grant.company_id in companies for grant in grants)
