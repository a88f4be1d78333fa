"""Who reads the reason and the amount of an order's event: whoever reads the field they come from.

The events of an order are for everybody who sees the order. A fact of an event that is not in
these tables is shown to nobody.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.events import OrderEventKind
from models.identity import Actor, Role
from models.orders import Order
from services.core.access import COMPANY_ROLES, STORE_ROLES, SUPPORT_ROLES


class FactSource(NamedTuple):
    """The field of the graph that shows a fact too, and who may read it."""

    field: str
    roles: frozenset[Role] | None = None
    """Roles for the store of the event; None for everybody who sees the order."""


STUCK_REASON = FactSource("Payment.stuckReason", SUPPORT_ROLES)
REFUND_REASON, REFUND_AMOUNT = FactSource("Refund.reason"), FactSource("Refund.amount")
DISPUTE = FactSource("Payment.disputes", COMPANY_ROLES | SUPPORT_ROLES)
AUTHORIZED_AMOUNT = FactSource("Payment.amount")
SUBSTITUTE_TOTAL, ORDER_TOTAL = FactSource("Substitution.total"), FactSource("Order.total")
REFUND_EVENTS = (
    OrderEventKind.REFUND_REQUESTED,
    OrderEventKind.REFUND_PENDING,
    OrderEventKind.REFUND_SUCCEEDED,
    OrderEventKind.REFUND_FAILED,
    OrderEventKind.REFUND_RECORDED,
    OrderEventKind.REFUND_RETRIED,
    OrderEventKind.REFUND_PAID_OTHERWISE,
    OrderEventKind.REFUND_CLOSED,
)
DISPUTE_EVENTS = (
    OrderEventKind.DISPUTE_OPENED,
    OrderEventKind.DISPUTE_CHANGED,
    OrderEventKind.DISPUTE_WON,
    OrderEventKind.DISPUTE_LOST,
)
REASONS: Mapping[OrderEventKind, FactSource] = {
    OrderEventKind.ORDER_CANCELED: FactSource("Order.cancelReason"),
    OrderEventKind.ORDER_REOPENED: FactSource("Order.reopenReason"),
    OrderEventKind.AGE_CHECKED: FactSource("Order.ageChecks"),
    OrderEventKind.DELIVERY_ATTEMPT_FAILED: FactSource("Delivery.failureReason"),
    OrderEventKind.FULFILLMENT_REJECTED: FactSource(
        "Fulfillment.rejectReason", STORE_ROLES | SUPPORT_ROLES
    ),
    OrderEventKind.FULFILLMENT_PUT_BACK_OPENED: FactSource(
        "Fulfillment.putBackReason", STORE_ROLES | SUPPORT_ROLES
    ),
    OrderEventKind.PAYMENT_STUCK: STUCK_REASON,
    OrderEventKind.REFUND_STUCK: STUCK_REASON,
    **dict.fromkeys(REFUND_EVENTS, REFUND_REASON),
    **dict.fromkeys(DISPUTE_EVENTS, DISPUTE),
}
AMOUNTS: Mapping[OrderEventKind, FactSource] = {
    OrderEventKind.ORDER_PLACED: ORDER_TOTAL,
    OrderEventKind.ORDER_CHANGED: ORDER_TOTAL,
    OrderEventKind.ORDER_CHANGE_REQUESTED: FactSource("OrderChange.total"),
    OrderEventKind.PAYMENT_ACTION_REQUIRED: AUTHORIZED_AMOUNT,
    OrderEventKind.PAYMENT_AUTHORIZED: AUTHORIZED_AMOUNT,
    OrderEventKind.PAYMENT_FAILED: AUTHORIZED_AMOUNT,
    OrderEventKind.PAYMENT_VOIDED: AUTHORIZED_AMOUNT,
    OrderEventKind.PAYMENT_REOPENED: AUTHORIZED_AMOUNT,
    OrderEventKind.PAYMENT_CAPTURED: FactSource("Payment.capturedAmount"),
    OrderEventKind.PAYMENT_RENEWED: FactSource("Payment.authorizedAmount"),
    OrderEventKind.PAYMENT_LOST: FactSource("Order.finalTotal"),
    OrderEventKind.SUBSTITUTION_PROPOSED: SUBSTITUTE_TOTAL,
    OrderEventKind.SUBSTITUTION_ACCEPTED: SUBSTITUTE_TOTAL,
    OrderEventKind.SUBSTITUTION_DECLINED: SUBSTITUTE_TOTAL,
    OrderEventKind.REFUND_STUCK: REFUND_AMOUNT,
    **dict.fromkeys(REFUND_EVENTS, REFUND_AMOUNT),
    **dict.fromkeys(DISPUTE_EVENTS, DISPUTE),
}


def event_reason(body: Mapping[str, Any]) -> str | None:
    """The reason in an event's body, whoever may read it."""
    return body.get("reason")


def event_amount(body: Mapping[str, Any]) -> int | None:
    """The amount in an event's body in minor units of its order's currency."""
    amount_minor: int | None = body.get("amount_minor", body.get("total_minor"))
    return amount_minor


def may_read(
    source: FactSource | None, order: Order, body: Mapping[str, Any], actor: Actor
) -> bool:
    """Whether `actor`, who sees the order, may read a fact of an event from this source.

    The store of the event counts: an order that another store has taken over shows the new store
    nothing of the one before.
    """
    if source is None or source.roles is None:
        return source is not None
    store_id = body.get("store_id")
    return any(
        grant.role in source.roles
        and grant.company_id in (None, order.company_id)
        and (grant.store_id is None or str(grant.store_id) == store_id)
        for grant in actor.grants
    )
