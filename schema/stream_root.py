"""Root fields of all that can be watched."""

from collections.abc import AsyncIterator

import strawberry

from resolvers.rules import ANYONE, CUSTOMER_OR_SUPPORT, RIDER, SIGNED_IN, STORE, SUPPORT
from schema.backing import stream
from schema.streams import (
    DeliveryOfferedType,
    InventoryChangedType,
    OrderTrackedType,
    StockAlertChangedType,
    StoreQueueChangedType,
    SupportQueueChangedType,
    TicketChangedType,
)
from subscriptions import alerts, delivery, fulfillment, orders, support
from subscriptions.stock import inventory


@strawberry.type
class StreamsSubscription:
    order_tracked: AsyncIterator[OrderTrackedType] = stream(
        orders.tracked,
        "All that happens to an order: its payment, its bags, its ride and where the rider is.",
        allow=SIGNED_IN,
    )
    inventory_changed: AsyncIterator[InventoryChangedType] = stream(
        inventory.changed, "What a store has, whenever that changes.", allow=ANYONE
    )
    store_queue_changed: AsyncIterator[StoreQueueChangedType] = stream(
        fulfillment.queue_changed, "What your store has to do, whenever that changes.", allow=STORE
    )
    stock_alert_changed: AsyncIterator[StockAlertChangedType] = stream(
        alerts.changed, "What should be seen to in your stores, whenever that changes.", allow=STORE
    )
    delivery_offered: AsyncIterator[DeliveryOfferedType] = stream(
        delivery.offered,
        "What is asked of you as a rider: offers, and changes of your delivery.",
        allow=RIDER,
    )
    ticket_changed: AsyncIterator[TicketChangedType] = stream(
        support.changed, "All that is said and done in a ticket.", allow=CUSTOMER_OR_SUPPORT
    )
    support_queue_changed: AsyncIterator[SupportQueueChangedType] = stream(
        support.queue_changed, "The tickets of your support desk.", allow=SUPPORT
    )
