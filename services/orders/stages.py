"""Derives the stage of an order that clients show, and its status from its events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func

from models.delivery import DeliveryStatus
from models.events import OrderEventKind
from models.fulfillment import FulfillmentStatus
from models.orders import Order, OrderStage, OrderStatus
from models.payments import PaymentStatus

REOPEN_SECONDS = 86_400
"""How long after its completion support may reopen an order."""
COMPLETED_LATELY = Order.completed_at > func.clock_timestamp() - timedelta(seconds=REOPEN_SECONDS)


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """The statuses of an order, its newest payment, fulfillment and delivery, and its owners."""

    order_id: UUID
    company_id: UUID
    store_id: UUID
    customer_id: UUID
    status: OrderStatus
    payment_status: PaymentStatus | None = None
    fulfillment_status: FulfillmentStatus | None = None
    delivery_status: DeliveryStatus | None = None
    cancel_is_offered: bool = False
    """Whether the customer may cancel with a full refund, because no rider was found."""
    pending_change_id: UUID | None = None
    paid_and_completed_lately: bool = False
    """Whether it was completed within REOPEN_SECONDS and its money is secured."""


STAGE_OF_ORDER_STATUS = {
    OrderStatus.PLACED: OrderStage.AWAITING_PAYMENT,
    OrderStatus.COMPLETED: OrderStage.DELIVERED,
    OrderStatus.EXPIRED: OrderStage.EXPIRED,
    OrderStatus.PAYMENT_FAILED: OrderStage.PAYMENT_FAILED,
    OrderStatus.CANCELED: OrderStage.CANCELED,
}
STAGE_OF_DELIVERY_STATUS = {
    DeliveryStatus.PICKED_UP: OrderStage.OUT_FOR_DELIVERY,
    DeliveryStatus.EN_ROUTE_TO_CUSTOMER: OrderStage.OUT_FOR_DELIVERY,
    DeliveryStatus.ARRIVING: OrderStage.ARRIVING,
    DeliveryStatus.AT_CUSTOMER: OrderStage.ARRIVING,
    DeliveryStatus.DELIVERED: OrderStage.DELIVERED,
    DeliveryStatus.ATTEMPT_FAILED: OrderStage.RETURNING,
    DeliveryStatus.RETURNING: OrderStage.RETURNING,
    DeliveryStatus.RETURNED: OrderStage.RETURNING,
}
STAGE_OF_FULFILLMENT_STATUS = {
    FulfillmentStatus.ACCEPTED: OrderStage.PICKING,
    FulfillmentStatus.PICKING: OrderStage.PICKING,
    FulfillmentStatus.AWAITING_SUBSTITUTION: OrderStage.AWAITING_SUBSTITUTION,
    FulfillmentStatus.PACKED: OrderStage.PACKED,
    FulfillmentStatus.STAGED: OrderStage.PACKED,
    FulfillmentStatus.READY_FOR_PICKUP: OrderStage.READY_FOR_PICKUP,
    FulfillmentStatus.COLLECTED: OrderStage.DELIVERED,
    FulfillmentStatus.HANDED_OVER: OrderStage.OUT_FOR_DELIVERY,
}
OTHERWISE = OrderStage.CONFIRMED
PAYABLE = frozenset({PaymentStatus.INITIATED, PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED})
"""A payment that the customer can still confirm."""


def order_stage(progress: OrderProgress) -> OrderStage:
    """The stage of an order: an ended or unpaid order first, then delivery, then fulfillment.

    A confirmed order whose authorization was lost waits for a payment again.
    """
    if progress.status in STAGE_OF_ORDER_STATUS:
        return STAGE_OF_ORDER_STATUS[progress.status]
    if progress.payment_status in PAYABLE:
        return OrderStage.AWAITING_PAYMENT
    if progress.delivery_status in STAGE_OF_DELIVERY_STATUS:
        return STAGE_OF_DELIVERY_STATUS[progress.delivery_status]
    if progress.fulfillment_status in STAGE_OF_FULFILLMENT_STATUS:
        return STAGE_OF_FULFILLMENT_STATUS[progress.fulfillment_status]
    return OTHERWISE


STATUS_AFTER_EVENT = {
    OrderEventKind.ORDER_PLACED: OrderStatus.PLACED,
    OrderEventKind.ORDER_CONFIRMED: OrderStatus.CONFIRMED,
    OrderEventKind.ORDER_COMPLETED: OrderStatus.COMPLETED,
    OrderEventKind.ORDER_REOPENED: OrderStatus.CONFIRMED,
    OrderEventKind.ORDER_EXPIRED: OrderStatus.EXPIRED,
    OrderEventKind.ORDER_CANCELED: OrderStatus.CANCELED,
}


def replay_status(events: Iterable[tuple[str, dict[str, Any]]]) -> OrderStatus | None:
    """The status to which an order's events (type and body, in order) lead, or None without events.

    It equals the status of the order's row.
    """
    status: OrderStatus | None = None
    for event_type, body in events:
        if event_type == OrderEventKind.PAYMENT_FAILED and body.get("final"):
            status = OrderStatus.PAYMENT_FAILED
        elif event_type in OrderEventKind.__members__:
            status = STATUS_AFTER_EVENT.get(OrderEventKind(event_type), status)
    return status
