"""The stream of a rider's delivery offers and of changes to the current delivery."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from database.statements import prepared
from models.delivery import Delivery, DeliveryOffer, DeliveryOfferStatus
from models.riders import Rider
from resolvers.context import Context, Info
from resolvers.rules import AccessDenied
from services.core.problems import not_found
from services.delivery.riders import own_riders
from services.events.event_log import rider_stream
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription, id_in_body

_UNANSWERED = DeliveryOffer.status == DeliveryOfferStatus.OFFERED
RIDER_STATE = prepared(
    select(DeliveryOffer.id, DeliveryOffer.delivery_id, Delivery.id)
    .select_from(Rider)
    .outerjoin(DeliveryOffer, (DeliveryOffer.rider_id == Rider.id) & _UNANSWERED)
    .outerjoin(Delivery, Delivery.id == Rider.live_delivery_id)
    .where(Rider.id == any_(bindparam("riders", type_=ARRAY(Uuid))))
    .order_by(Delivery.id.is_(None), DeliveryOffer.id.is_(None))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class DeliveryOffered(StreamMessage):
    """A message to a rider."""

    type: str | None = None
    at: datetime | None = None
    rider_id: UUID | None = None
    offer_id: UUID | None = None
    delivery_id: UUID | None = None


async def watch_delivery_offers(info: Info, after: After = None) -> AsyncIterator[DeliveryOffered]:
    """Yield the rider's open offer and delivery, then each offer, withdrawal and change.

    All companies that they ride for are one subscription; it ends when one of them is lost.
    """
    context = info.context
    del info  # keeps the whole execution alive
    rider_ids = await _rider_ids(context)

    async def check_access() -> None:
        if await _rider_ids(context) != rider_ids:
            raise AccessDenied("FORBIDDEN", "The companies that you ride for have changed.")

    streams = [rider_stream(rider_id) for rider_id in rider_ids]
    async with StreamSubscription(context, streams, after, check_access) as subscription:
        async for message in subscription.messages(
            partial(_message, context, rider_ids), "offered"
        ):
            yield message
            del message


async def _rider_ids(context: Context) -> list[UUID]:
    """The viewer as a rider of each company. Raises DomainError: NotFound."""
    async with context.read() as session:
        rows = await own_riders(session, context.actor)
    if not rows:
        raise not_found(Rider)
    return [rider.id for rider in rows]


async def _message(context: Context, rider_ids: list[UUID], item: StreamItem) -> DeliveryOffered:
    if (notice := item.notice) is None:
        return await _snapshot(context, rider_ids, item)
    return DeliveryOffered(
        kind=item.kind,
        cursor=item.cursor,
        type=notice.type,
        at=notice.at,
        # The stream says which rider, also in events that were stored without.
        rider_id=next((key for key in rider_ids if rider_stream(key) == notice.stream), None),
        offer_id=id_in_body(notice, "offer_id"),
        delivery_id=id_in_body(notice, "delivery_id"),
    )


async def _snapshot(context: Context, rider_ids: list[UUID], item: StreamItem) -> DeliveryOffered:
    """Return the unanswered offer and the current delivery."""
    async with context.read() as session:
        row = (await session.execute(RIDER_STATE, {"riders": rider_ids})).first()
    offer_id, offered_delivery_id, live_delivery_id = row or (None, None, None)
    return DeliveryOffered(
        kind=item.kind,
        cursor=item.cursor,
        offer_id=offer_id,
        delivery_id=live_delivery_id or offered_delivery_id,
    )
