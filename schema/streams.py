"""The messages of streams. Each has a `kind` and a `cursor`; the rest depends on the kind."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import alerts as load_alerts
from dataloaders import catalog as load_catalog
from dataloaders import delivery as load_delivery
from dataloaders import support as load
from models.catalog import Availability, Product
from models.events import EventType, MessageKind
from resolvers.rules import STORE
from schema.backing import backed_by, column, field, related
from schema.fields import key
from subscriptions import alerts as subscriptions_alerts
from subscriptions import delivery, fulfillment, orders, support
from subscriptions.stock import inventory, inventory_state

if TYPE_CHECKING:
    from schema.alerts.stock_alerts import StockAlertType
    from schema.catalog.products import ProductType
    from schema.delivery.deliveries import DeliveryOfferType, DeliveryType
    from schema.delivery.riders import RiderPositionType
    from schema.fulfillment.fulfillments import FulfillmentType
    from schema.orders.orders import OrderEventType, OrderType
    from schema.support.tickets import TicketMessageType, TicketType

KIND = "Whether it is a snapshot, an event, or a passing value."
CURSOR = "Give it as `after` to continue right behind this message, in any connection."
AT = "When it happened, by the database's clock; null unless it is an EVENT."
TYPE = "What happened; null unless it is an EVENT."


@backed_by(
    orders.OrderTracked,
    "A message about an order: SNAPSHOT or LAGGED first, then each EVENT once and in order, and"
    " the rider's POSITION at most once a second.",
)
class OrderTrackedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    event: Annotated["OrderEventType", strawberry.lazy("schema.orders.orders")] | None = column(
        "What happened; null unless it is an EVENT."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] = column(
        "The order as it is now, or newer than the event."
    )
    rider_position: (
        Annotated["RiderPositionType", strawberry.lazy("schema.delivery.riders")] | None
    ) = column("Where the rider is: in a POSITION, and in a snapshot while somebody rides.")
    rider_eta_seconds: int | None = column(
        "Seconds that the rider still needs to the door; in a POSITION after the pick-up."
    )


@backed_by(inventory_state.StockChange, "What is on the shelf of one product now.")
class StockChangeType:
    product_id: strawberry.ID = key(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product as this store sells it; null when the store does not list it.",
        by="place",
    )
    availability: Availability = column("How much there is, as everybody may know it.")
    on_hand: int | None = column("Units on the shelf; null for others than its staff.", allow=STORE)
    held: int | None = column(
        "Units of them promised to orders that are not paid yet; null for others than its staff.",
        allow=STORE,
    )
    available: int | None = column(
        "Units that can still be sold; null for others than its staff.", allow=STORE
    )
    version: int | None = column(
        "Grows with each change: pass it as expectedVersion; null for others than its staff.",
        allow=STORE,
    )


@backed_by(
    inventory.InventoryChanged,
    "A message about a store's shelf, at most seven a second: staff hear of every number, others"
    " of a product whose availability or price is another one.",
)
class InventoryChangedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    changes: list[StockChangeType] = column("The products that changed, each once.")


@backed_by(fulfillment.StoreQueueChanged, "A message about a store's queue.")
class StoreQueueChangedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: EventType | None = column(TYPE)
    at: datetime | None = column(AT)
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = field(
        fulfillment.fulfillment_of,
        "The task it is about, as it is now; null in a snapshot.",
        reads="rows",
    )
    fulfillments: (
        list[Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")]]
        | None
    ) = column("The open tasks, oldest first, at most 100; null unless it is a snapshot.")


@backed_by(
    delivery.DeliveryOffered,
    "A message to a rider: an offer, its withdrawal, or a change of the delivery in hand.",
)
class DeliveryOfferedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(
        "OFFER_MADE, OFFER_WITHDRAWN or DELIVERY_CHANGED; null unless it is an EVENT."
    )
    at: datetime | None = column(AT)
    offer: Annotated["DeliveryOfferType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(
            load_delivery.offer_by_id,
            "The offer as it is now; in a snapshot the one that waits for an answer.",
            by="offer_id",
        )
    )
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(
            load_delivery.delivery_by_id,
            "The delivery as it is now, once it is yours.",
            by="delivery_id",
        )
    )


@backed_by(support.TicketChanged, "A message about a ticket.")
class TicketChangedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(TYPE)
    at: datetime | None = column(AT)
    ticket: Annotated["TicketType", strawberry.lazy("schema.support.tickets")] | None = related(
        load.ticket_by_id, "The ticket as it is now.", by="ticket_id"
    )
    message: Annotated["TicketMessageType", strawberry.lazy("schema.support.tickets")] | None = (
        related(load.message_by_id, "What was said, if something was.", by="message_id")
    )


@backed_by(support.SupportQueueChanged, "A message about the tickets of your support desk.")
class SupportQueueChangedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(TYPE)
    at: datetime | None = column(AT)
    ticket: Annotated["TicketType", strawberry.lazy("schema.support.tickets")] | None = related(
        load.ticket_by_id, "The ticket it is about, as it is now.", by="ticket_id"
    )
    tickets: list[Annotated["TicketType", strawberry.lazy("schema.support.tickets")]] | None = (
        column("The open tickets, oldest first, at most 100; null unless it is a snapshot.")
    )


@backed_by(
    subscriptions_alerts.StockAlertChanged, "A message about the stock alerts of your stores."
)
class StockAlertChangedType:
    kind: MessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(
        "STOCK_ALERT_RAISED, STOCK_ALERT_ACKNOWLEDGED, STOCK_ALERT_SNOOZED, STOCK_ALERT_WOKEN or"
        " STOCK_ALERT_RESOLVED; null unless it is an EVENT."
    )
    at: datetime | None = column(AT)
    alert: Annotated["StockAlertType", strawberry.lazy("schema.alerts.stock_alerts")] | None = (
        related(load_alerts.alert_by_id, "The alert it is about, as it is now.", by="alert_id")
    )
    alerts: (
        list[Annotated["StockAlertType", strawberry.lazy("schema.alerts.stock_alerts")]] | None
    ) = column("The live alerts, the most urgent first, at most 100; null unless it is a snapshot.")
