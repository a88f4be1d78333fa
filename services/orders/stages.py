"""Where an order stands as a whole, and what a person may do with it next: tables, not ifs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.delivery import DeliveryStatus
from models.events import EventType
from models.fulfillment import FulfillmentStatus
from models.identity import Actor, Role
from models.orders import OrderAction, OrderStage, OrderStatus
from models.payments import PaymentStatus

SUPPORT_ROLES = frozenset({Role.SUPPORT_AGENT, Role.SUPER_ADMIN})


@dataclass(frozen=True, slots=True)
class Progress:
    """The states of an order's four machines, and whose order it is."""

    order_id: UUID
    company_id: UUID
    store_id: UUID
    customer_id: UUID
    order: OrderStatus
    payment: PaymentStatus | None = None
    fulfillment: FulfillmentStatus | None = None
    delivery: DeliveryStatus | None = None


OF_ORDER = {
    OrderStatus.PLACED: OrderStage.AWAITING_PAYMENT,
    OrderStatus.COMPLETED: OrderStage.DELIVERED,
    OrderStatus.EXPIRED: OrderStage.EXPIRED,
    OrderStatus.PAYMENT_FAILED: OrderStage.PAYMENT_FAILED,
    OrderStatus.CANCELED: OrderStage.CANCELED,
}
OF_DELIVERY = {
    DeliveryStatus.PICKED_UP: OrderStage.OUT_FOR_DELIVERY,
    DeliveryStatus.TO_CUSTOMER: OrderStage.OUT_FOR_DELIVERY,
    DeliveryStatus.ARRIVING: OrderStage.ARRIVING,
    DeliveryStatus.AT_CUSTOMER: OrderStage.ARRIVING,
    DeliveryStatus.DELIVERED: OrderStage.DELIVERED,
    DeliveryStatus.ATTEMPT_FAILED: OrderStage.RETURNING,
    DeliveryStatus.RETURNING: OrderStage.RETURNING,
    DeliveryStatus.RETURNED: OrderStage.RETURNING,
}
OF_FULFILLMENT = {
    FulfillmentStatus.ACCEPTED: OrderStage.PICKING,
    FulfillmentStatus.PICKING: OrderStage.PICKING,
    FulfillmentStatus.AWAITING_SUBSTITUTION: OrderStage.AWAITING_YOUR_CHOICE,
    FulfillmentStatus.PACKED: OrderStage.PACKED,
    FulfillmentStatus.STAGED: OrderStage.PACKED,
    FulfillmentStatus.HANDED_OVER: OrderStage.OUT_FOR_DELIVERY,
}


def stage(now: Progress) -> OrderStage:
    """The one stage that people are shown: the furthest machine speaks."""
    if now.order in OF_ORDER:
        return OF_ORDER[now.order]
    if now.delivery in OF_DELIVERY:
        return OF_DELIVERY[now.delivery]
    if now.fulfillment in OF_FULFILLMENT:
        return OF_FULFILLMENT[now.fulfillment]
    return OrderStage.CONFIRMED


@dataclass(frozen=True, slots=True)
class Step:
    """An action and the states in which one of the parties may take it; None means any state."""

    action: OrderAction
    customer: bool
    support: bool
    order: frozenset[OrderStatus]
    payment: frozenset[PaymentStatus] | None = None
    fulfillment: frozenset[FulfillmentStatus | None] | None = None


ANY = frozenset(OrderStatus)
PLACED = frozenset({OrderStatus.PLACED})
CONFIRMED = frozenset({OrderStatus.CONFIRMED})
PAYABLE = frozenset({PaymentStatus.INITIATED, PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED})
REFUNDABLE = frozenset({PaymentStatus.CAPTURED, PaymentStatus.PARTLY_REFUNDED})
UNPACKED: frozenset[FulfillmentStatus | None] = frozenset(
    {
        None,
        FulfillmentStatus.QUEUED,
        FulfillmentStatus.ACCEPTED,
        FulfillmentStatus.PICKING,
        FulfillmentStatus.AWAITING_SUBSTITUTION,
        FulfillmentStatus.REJECTED,
        FulfillmentStatus.TIMED_OUT,
    }
)
IN_THE_STORE = UNPACKED | {FulfillmentStatus.PACKED, FulfillmentStatus.STAGED}

STEPS = (
    Step(OrderAction.PAY, True, False, PLACED, PAYABLE),
    Step(OrderAction.CANCEL, True, True, PLACED),
    Step(OrderAction.CANCEL, True, False, CONFIRMED, None, UNPACKED),
    Step(OrderAction.CANCEL, False, True, CONFIRMED, None, IN_THE_STORE),
    Step(OrderAction.REFUND, False, True, ANY, REFUNDABLE),
    Step(OrderAction.OPEN_TICKET, True, True, ANY - PLACED),
)


def actions(actor: Actor, now: Progress) -> list[OrderAction]:
    """What this person may do with the order as it stands; empty for strangers."""
    customer = actor.signed_in and actor.person_id == now.customer_id
    support = actor.works_at(now.company_id, now.store_id, SUPPORT_ROLES)
    found = {
        step.action
        for step in STEPS
        if ((step.customer and customer) or (step.support and support))
        and now.order in step.order
        and (step.payment is None or now.payment in step.payment)
        and (step.fulfillment is None or now.fulfillment in step.fulfillment)
    }
    return [action for action in OrderAction if action in found]


def concerns(actor: Actor, now: Progress) -> bool:
    """Whether the order is this person's own or in the care of their support desk."""
    own = actor.signed_in and actor.person_id == now.customer_id
    return own or actor.works_at(now.company_id, now.store_id, SUPPORT_ROLES)


STATUS_AFTER = {
    EventType.ORDER_PLACED: OrderStatus.PLACED,
    EventType.ORDER_CONFIRMED: OrderStatus.CONFIRMED,
    EventType.ORDER_COMPLETED: OrderStatus.COMPLETED,
    EventType.ORDER_EXPIRED: OrderStatus.EXPIRED,
    EventType.ORDER_CANCELED: OrderStatus.CANCELED,
}


def replay(events: Iterable[tuple[str, dict[str, Any]]]) -> OrderStatus | None:
    """The status that an order's events (type and body, in order) lead to: equal to its row's."""
    status: OrderStatus | None = None
    for kind, body in events:
        if kind == EventType.PAYMENT_FAILED and body.get("final"):
            status = OrderStatus.PAYMENT_FAILED
        elif kind in EventType.__members__:
            status = STATUS_AFTER.get(EventType(kind), status)
    return status
