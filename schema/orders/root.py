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
from schema.orders.orders import OrderCancelPayload, OrderPlacePayload, OrderType
from schema.payments.refunds import PaymentRefreshPayload, RefundIssuePayload


@strawberry.type
class OrderQuery:
    order: OrderType | None = field(
        order_resolvers.order,
        "One order that concerns you.",
        allow=SIGNED_IN,
        row_key=argument_key(Order),
    )


@strawberry.type
class OrderMutation:
    order_place: OrderPlacePayload | None = mutation(
        order_resolvers.place,
        "Order what is in the cart, or the given lines: units are held until it is paid.",
        allow=CUSTOMER,
    )
    order_cancel: OrderCancelPayload | None = mutation(
        order_resolvers.cancel,
        "Call an order off: until it is packed, or as support until it has left the store.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    order_change: OrderChangePayload | None = mutation(
        changes.change,
        "Change a paid order before it is packed: items, address, note, tip. A higher total has to"
        " be confirmed by the customer first.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    order_change_withdraw: OrderChangeWithdrawPayload | None = mutation(
        changes.withdraw,
        "Take back a change that waits for its payment; the order stays as it is.",
        allow=CUSTOMER,
    )
    payment_refresh: PaymentRefreshPayload | None = mutation(
        payments.refresh,
        "Ask the provider how the payment of an order stands: once a second for each order.",
        allow=CUSTOMER_OR_SUPPORT,
    )
    refund_issue: RefundIssuePayload | None = mutation(
        payments.refund, "Send captured money of an order back.", allow=SUPPORT
    )
