"""The stream of a rider's delivery offers and of changes to the current delivery."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import bindparam, select

from database.statements import prepared
from models.delivery import Delivery, DeliveryOffer, OfferStatus
from models.riders import Rider
from resolvers.context import Context, Info
from resolvers.rules import AccessDenied
from services.core.problems import not_found
from services.delivery.riders import RIDER_OF_PERSON
from services.events.event_log import rider_stream
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription, id_in_body

_UNANSWERED = DeliveryOffer.status == OfferStatus.OFFERED
RIDER_STATE = prepared(
    select(DeliveryOffer.id, DeliveryOffer.delivery_id, Delivery.id)
    .select_from(Rider)
    .outerjoin(DeliveryOffer, (DeliveryOffer.rider_person_id == Rider.person_id) & _UNANSWERED)
    .outerjoin(Delivery, Delivery.id == Rider.live_delivery_id)
    .where(Rider.person_id == bindparam("person"))
)


@dataclass(frozen=True, slots=True)
class DeliveryOffered(StreamMessage):
    """A message to a rider."""

    type: str | None = None
    at: datetime | None = None
    offer_id: UUID | None = None
    delivery_id: UUID | None = None


async def watch_delivery_offers(info: Info, after: After = None) -> AsyncIterator[DeliveryOffered]:
    """Yield the rider's open offer and delivery, then each offer, withdrawal and change."""
    context, person_id = info.context, info.context.actor.person_id
    del info  # keeps the whole execution alive
    if person_id is None:
        raise AccessDenied("UNAUTHENTICATED", "Sign in first.")

    async def check_access() -> None:
        await _rider(context, person_id)

    async with StreamSubscription(
        context, [rider_stream(person_id)], after, check_access
    ) as subscription:
        async for message in subscription.messages(
            partial(_message, context, person_id), "offered"
        ):
            yield message
            del message


async def _rider(context: Context, person_id: UUID) -> Rider:
    async with context.read() as session:
        rider: Rider | None = await session.scalar(RIDER_OF_PERSON, {"person": person_id})
    if rider is None:
        raise not_found(Rider)
    return rider


async def _message(context: Context, person_id: UUID, item: StreamItem) -> DeliveryOffered:
    if (notice := item.notice) is None:
        return await _snapshot(context, person_id, item)
    return DeliveryOffered(
        kind=item.kind,
        cursor=item.cursor,
        type=notice.type,
        at=notice.at,
        offer_id=id_in_body(notice, "offer_id"),
        delivery_id=id_in_body(notice, "delivery_id"),
    )


async def _snapshot(context: Context, person_id: UUID, item: StreamItem) -> DeliveryOffered:
    """Return the unanswered offer and the current delivery."""
    async with context.read() as session:
        row = (await session.execute(RIDER_STATE, {"person": person_id})).first()
    offer_id, offered_delivery_id, live_delivery_id = row or (None, None, None)
    return DeliveryOffered(
        kind=item.kind,
        cursor=item.cursor,
        offer_id=offer_id,
        delivery_id=live_delivery_id or offered_delivery_id,
    )
