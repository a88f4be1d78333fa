"""The stream of one order: its messages and its root field."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import strawberry

from models.events import StreamMessageKind
from resolvers.rules import SIGNED_IN
from schema.backing import backed_by, column, stream
from schema.stream_messages import CURSOR, KIND
from subscriptions import orders

if TYPE_CHECKING:
    from schema.delivery.riders import RiderLocationType
    from schema.orders.orders import OrderEventType, OrderType


@backed_by(
    orders.OrderTracked,
    "A message about an order: SNAPSHOT or LAGGED first, then each EVENT once and in order, and"
    " the rider's POSITION at most once a second.",
)
class OrderTrackedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    event: Annotated["OrderEventType", strawberry.lazy("schema.orders.orders")] | None = column(
        "The event; null unless the message is an EVENT."
    )
    order: Annotated["OrderType", strawberry.lazy("schema.orders.orders")] = column(
        "The current order; it may be newer than the event."
    )
    rider_location: (
        Annotated["RiderLocationType", strawberry.lazy("schema.delivery.riders")] | None
    ) = column("The rider's location: in a POSITION, and in a snapshot while a rider is assigned.")
    dropoff_eta_seconds: int | None = column(
        "Estimated seconds until the rider arrives; in a POSITION after pickup."
    )


@strawberry.type
class OrderSubscription:
    order_tracked: AsyncIterator[OrderTrackedType] = stream(
        orders.track_order,
        "Streams the events of an order, its payment and its delivery, and the rider's location."
        " It does not end with the order, because a refund may follow: the client closes it. It"
        " ends with an error when the caller may not see the order any more.",
        allow=SIGNED_IN,
    )
