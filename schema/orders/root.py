"""Root fields of orders, payments and refunds."""

import strawberry

from models.orders import Order
from resolvers.orders import changes
from resolvers.orders import orders as order_resolvers
from resolvers.payments import payments
from resolvers.rules import CUSTOMER, CUSTOMER_OR_SUPPORT, SIGNED_IN, SUPPORT
from schema.backing import field, mutation
from schema.fields import argument_key
from schema.orders.changes import OrderChangePayload, OrderChangeWithdrawPayload
from schema.orders.orders import (
    OrderCancelPayload,
    OrderPlacePayload,
    OrderReopenPayload,
    OrderType,
)
from schema.payments.refunds import OrderPaymentRefreshPayload, RefundIssuePayload


@strawberry.type
class OrderQuery:
    order: OrderType | None = field(
        order_resolvers.order,
        "An order by its id, for its parties.",
        allow=SIGNED_IN,
        row_key=argument_key(Order),
    )


@strawberry.type
class OrderMutation:
    order_place: OrderPlacePayload | None = mutation(
        order_resolvers.place,
        "Places an order from the cart or from the given lines; units are reserved"
        " until it is paid.",
        allow=CUSTOMER,
    )
    order_cancel: OrderCancelPayload | None = mutation(
        order_resolvers.cancel,
        "Cancels an order: customers until it is packed, support until it has left the store.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    order_reopen: OrderReopenPayload | None = mutation(
        order_resolvers.reopen,
        "Reopens an order that was completed by mistake, at most a day ago: its bags are on the"
        " way again, or wait to be collected. Never the caller's own order.",
        allow=SUPPORT,
    )
    order_change: OrderChangePayload | None = mutation(
        changes.change,
        "Changes items, address, note or tip of a paid order before it is packed."
        " The customer has to confirm a higher total first. What the order has already changes"
        " nothing: no version, no event.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    order_change_withdraw: OrderChangeWithdrawPayload | None = mutation(
        changes.withdraw,
        "Withdraws a change that waits for its payment.",
        allow=CUSTOMER,
    )
    order_payment_refresh: OrderPaymentRefreshPayload | None = mutation(
        payments.refresh,
        "Reads the state of an order's payment at the provider, at most once a"
        " second for each order.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    refund_issue: RefundIssuePayload | None = mutation(
        payments.refund, "Refunds captured money of an order.", allow=SUPPORT
    )
