"""Who is a party of the rows of each model, said again, independently of the product.

`PARTIES` names who may learn of a row at all, `MARKED` for whom its private values are; in the
tests their text names the row and the column that they come from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from database.base import Entity
from models.accounts import Address, Membership, Person
from models.alerts import StockAlert
from models.catalog import PriceChange
from models.counter_sales import CounterSale
from models.counting import StockCount
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentStatus,
    PutBackLine,
    Substitute,
)
from models.identity import Actor, Role, SignInSession
from models.imports import StockImport, StockSet, StockUpload
from models.integrations import App, AppSecret, WebhookDelivery, WebhookEndpoint
from models.orders import Order, OrderLine, OrderStatus
from models.payments import Payment, Refund
from models.purchasing import GoodsReceipt, PurchaseOrder, Supplier
from models.riders import Rider
from models.stock import StockBatch, StockEntry
from models.support import Ticket, TicketMessage
from models.transfers import Transfer, TransferLine
from tests.support.actors import ActorClient
from tests.support.city import City

STORE_ROLES = frozenset(
    {Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN}
)
SUPPORT_ROLES = frozenset({Role.SUPPORT_AGENT, Role.SUPER_ADMIN})
ADMIN_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})
Party = Callable[["World", Actor, Any], bool]


@dataclass
class World:
    """People by name, and every row of the city's companies by its model and key."""

    city: City
    clients: dict[str, ActorClient]
    rows: dict[type[Entity], dict[UUID, Any]]
    nodes: dict[type[Entity], list[str]]
    places: list[Callable[[str], str | None]]
    type_names: dict[type[Entity], str]

    def order_of(self, row: Any) -> Any:
        """The order that a row belongs to; None when it is not of this city."""
        key: Any = row.id if isinstance(row, Order) else getattr(row, "order_id", None)
        return self.rows[Order].get(key)

    def store_of(self, row: Any) -> UUID | None:
        """The store of a row: its order's as it is now, else its own."""
        of_its_own = isinstance(row, Fulfillment | FulfillmentLine | Delivery | DeliveryOffer)
        order = None if of_its_own else self.order_of(row)
        return getattr(order or row, "store_id", None)


def own(world: World, actor: Actor, row: Any) -> bool:
    """The customer, or the person the row is about."""
    owner = getattr(row, "customer_id", None) or getattr(row, "person_id", None)
    return actor.person_id is not None and actor.person_id == owner


def oneself(world: World, actor: Actor, row: Any) -> bool:
    return bool(actor.person_id == row.id)


def rides(world: World, actor: Actor, row: Any) -> bool:
    return actor.signed_in and row.rider_person_id == actor.person_id


def rides_now(world: World, actor: Actor, row: Any) -> bool:
    ended = (DeliveryStatus.DELIVERED, DeliveryStatus.RETURNED, DeliveryStatus.CANCELED)
    return rides(world, actor, row) and row.status not in ended


def works(world: World, actor: Actor, row: Any) -> bool:
    """Store staff, managers and admins of the row's store."""
    store = world.store_of(row)
    return store is not None and actor.has_store_role(row.company_id, store, STORE_ROLES)


def works_at_either_end(world: World, actor: Actor, row: Any) -> bool:
    if isinstance(row, TransferLine):
        row = world.rows[Transfer][row.transfer_id]
    ends = (row.source_id, row.destination_id)
    return any(actor.has_store_role(row.company_id, store, STORE_ROLES) for store in ends)


def works_while_open(world: World, actor: Actor, row: Any) -> bool:
    """The same, from the payment of an order until a day after its end."""
    return works(world, actor, row) and is_in_hand(row)


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


def administers(world: World, actor: Actor, row: Any) -> bool:
    return actor.has_company_role(row.company_id, ADMIN_ROLES)


def manages(world: World, actor: Actor, row: Any) -> bool:
    """Managers of any store, and admins, of the row's company."""
    grants = (g for g in actor.grants if g.role in ADMIN_ROLES | {Role.STORE_MANAGER})
    return any(grant.company_id in (None, row.company_id) for grant in grants)


def works_in_company(world: World, actor: Actor, row: Any) -> bool:
    roles = STORE_ROLES | SUPPORT_ROLES
    grants = (g for g in actor.grants if g.role in roles)
    return any(g.company_id in (None, row.company_id) for g in grants)


def works_where_it_rides(world: World, actor: Actor, row: Any) -> bool:
    """The staff of the stores whose deliveries the rider was asked for, or carries."""
    asked = [*world.rows[DeliveryOffer].values(), *world.rows[Delivery].values()]
    return any(one.rider_id == row.id and works(world, actor, one) for one in asked)


def contacts(world: World, actor: Actor, row: Any) -> bool:
    """Managers, admins and support of a company that the person works for."""
    companies = {
        one.company_id for one in world.rows[Membership].values() if one.person_id == row.id
    }
    roles = ADMIN_ROLES | SUPPORT_ROLES | {Role.STORE_MANAGER}
    grants = [grant for grant in actor.grants if grant.role in roles]
    return any(grant.company_id is None or grant.company_id in companies for grant in grants)


OF_ORDER: tuple[Party, ...] = (own, works, supports)
OF_STORE: tuple[Party, ...] = (works,)
OF_ADMINS: tuple[Party, ...] = (administers,)
PARTIES: Mapping[type[Entity], tuple[Party, ...]] = {
    Address: (own,),
    App: OF_ADMINS,
    AppSecret: OF_ADMINS,
    CounterSale: OF_STORE,
    Delivery: (*OF_ORDER, rides),
    DeliveryOffer: (works, supports, rides),
    Fulfillment: OF_ORDER,
    FulfillmentLine: OF_ORDER,
    GoodsReceipt: OF_STORE,
    Order: OF_ORDER,
    OrderLine: OF_ORDER,
    Payment: OF_ORDER,
    PriceChange: OF_STORE,
    PurchaseOrder: OF_STORE,
    PutBackLine: (works, supports),
    Refund: OF_ORDER,
    Rider: (own, manages, supports, works_where_it_rides),
    SignInSession: (own,),
    StockAlert: OF_STORE,
    StockBatch: (works, supports),
    StockCount: OF_STORE,
    StockEntry: OF_STORE,
    StockImport: (own, administers),
    StockSet: OF_STORE,
    StockUpload: (own,),
    Substitute: OF_ORDER,
    Supplier: (works_in_company,),
    Ticket: (own, supports),
    TicketMessage: (own, supports),
    Transfer: (works_at_either_end,),
    TransferLine: (works_at_either_end,),
    WebhookDelivery: OF_ADMINS,
    WebhookEndpoint: OF_ADMINS,
}
RECIPIENT: tuple[Party, ...] = (own, supports, works_while_open)
MARKED: Mapping[type[Entity], Mapping[str, tuple[Party, ...]]] = {
    Order: {
        "customer_name": RECIPIENT,
        "address_line": RECIPIENT,
        "drop_note": RECIPIENT,
        "delivery_pin": (own,),
    },
    Delivery: dict.fromkeys(
        ("customer_name", "address_line", "drop_note"), (*RECIPIENT, rides_now)
    ),
    Fulfillment: {"customer_name": RECIPIENT, "handover_code": (works,)},
    Payment: {
        "client_secret": (own,),
        "next_action_url": (own,),
        "failure_code": (own, supports),
        "failure_message": (own, supports),
    },
    Refund: {"failure_message": (own, supports)},
    Ticket: {"subject": (own, supports)},
    TicketMessage: {"body": (own, supports)},
    Person: {"email": (oneself, contacts)},
}
