"""The stream of a store's fulfillment queue: its messages and its root field."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models.events import OrderEventKind, StreamMessageKind
from resolvers.rules import STORE
from schema.backing import backed_by, column, field, stream
from schema.stream_messages import CURSOR, EVENT_TYPE, KIND, OCCURRED_AT
from subscriptions import fulfillment

if TYPE_CHECKING:
    from schema.fulfillment.fulfillments import FulfillmentType


@backed_by(fulfillment.StoreQueueChanged, "A message about a store's fulfillment queue.")
class StoreQueueChangedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: OrderEventKind | None = column(EVENT_TYPE)
    at: datetime | None = column(OCCURRED_AT)
    fulfillment: (
        Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")] | None
    ) = field(
        fulfillment.fulfillment_of,
        "The current state of the task; null in a snapshot.",
        reads="rows",
    )
    fulfillments: (
        list[Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")]]
        | None
    ) = column("The open tasks, oldest first, at most 100; null unless it is a snapshot.")
    put_backs: (
        list[Annotated["FulfillmentType", strawberry.lazy("schema.fulfillment.fulfillments")]]
        | None
    ) = column(
        "The ended tasks whose picked units wait to be put back, oldest first, at most 100; null"
        " unless it is a snapshot."
    )


@strawberry.type
class FulfillmentSubscription:
    store_queue_changed: AsyncIterator[StoreQueueChangedType] = stream(
        fulfillment.watch_store_queue,
        "Streams the changes of a store's fulfillment queue.",
        allow=STORE,
    )
