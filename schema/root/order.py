"""Root fields of orders and their money."""

import strawberry

import models
from resolvers import order as resolve
from resolvers import payment as resolve_payment
from resolvers.rules import CUSTOMER, CUSTOMER_OR_SUPPORT, SIGNED_IN, SUPPORT
from schema.backing import field, mutation
from schema.fields import named
from schema.order import Order, OrderCancelPayload, OrderPlacePayload
from schema.refund import PaymentRefreshPayload, RefundIssuePayload


@strawberry.type
class Query:
    order: Order | None = field(
        resolve.order,
        "One order that concerns you.",
        allow=SIGNED_IN,
        foresees=named(models.Order),
    )


@strawberry.type
class Mutation:
    order_place: OrderPlacePayload = mutation(
        resolve.place,
        "Order what is in the cart, or the given lines: units are held until it is paid.",
        allow=CUSTOMER,
    )
    order_cancel: OrderCancelPayload = mutation(
        resolve.cancel,
        "Call an order off: until it is packed, or as support until it has left the store.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    payment_refresh: PaymentRefreshPayload = mutation(
        resolve_payment.refresh,
        "Ask the provider how the payment of an order stands: once a second for each order.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    refund_issue: RefundIssuePayload = mutation(
        resolve_payment.refund, "Send captured money of an order back.", allow=SUPPORT
    )
