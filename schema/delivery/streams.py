"""The stream of a rider's delivery offers: its messages and its root field."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load
from models.events import StreamMessageKind
from resolvers.rules import RIDER
from schema.backing import backed_by, column, related, stream
from schema.stream_messages import CURSOR, KIND, OCCURRED_AT
from subscriptions import delivery

if TYPE_CHECKING:
    from schema.delivery.deliveries import DeliveryOfferType, DeliveryType
    from schema.delivery.riders import RiderType


@backed_by(
    delivery.DeliveryOffered,
    "A message to a rider: an offer, its withdrawal, or a change of the current delivery.",
)
class DeliveryOfferedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(
        "OFFER_MADE, OFFER_WITHDRAWN, DELIVERY_CHANGED, SHIFT_CHANGED (the shift of `rider`,"
        " also when it was ended for them), or POSITION_REQUESTED (no position was received for"
        " three minutes: report one now). Null unless it is an EVENT."
    )
    at: datetime | None = column(OCCURRED_AT)
    rider: Annotated["RiderType", strawberry.lazy("schema.delivery.riders")] | None = related(
        load.rider_by_id,
        "The current state of the rider whom the event is about: the caller, in one of the"
        " companies that they ride for. Null unless it is an EVENT.",
        by="rider_id",
    )
    delivery_offer: (
        Annotated["DeliveryOfferType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = related(
        load.offer_by_id,
        "The current state of the offer; in a snapshot the unanswered offer.",
        by="offer_id",
    )
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(
            load.delivery_by_id,
            "The current state of the delivery, after the rider has accepted it.",
            by="delivery_id",
        )
    )


@strawberry.type
class DeliverySubscription:
    delivery_offered: AsyncIterator[DeliveryOfferedType] = stream(
        delivery.watch_delivery_offers,
        "Streams the delivery offers of the calling rider and the changes of their"
        " current delivery.",
        allow=RIDER,
    )
