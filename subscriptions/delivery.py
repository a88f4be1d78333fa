"""What is asked of the signed-in rider: offers, and changes of the delivery in hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import bindparam, select

from database.statements import kept
from models.delivery import Delivery, DeliveryOffer, OfferStatus, Rider
from resolvers.context import Context, Info
from resolvers.rules import Denied
from services.core.problems import not_found
from services.delivery.riders import OF_PERSON
from services.events.event_log import rider_stream
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow, key_in

_WAITING = DeliveryOffer.status == OfferStatus.OFFERED
DESK = kept(
    select(DeliveryOffer.id, DeliveryOffer.delivery_id, Delivery.id)
    .select_from(Rider)
    .outerjoin(DeliveryOffer, (DeliveryOffer.rider_person_id == Rider.person_id) & _WAITING)
    .outerjoin(Delivery, Delivery.id == Rider.live_delivery_id)
    .where(Rider.person_id == bindparam("person"))
)


@dataclass(frozen=True, slots=True)
class DeliveryOffered(Message):
    """One message to a rider."""

    type: str | None = None
    at: datetime | None = None
    offer_id: UUID | None = None
    delivery_id: UUID | None = None


async def offered(info: Info, after: After = None) -> AsyncIterator[DeliveryOffered]:
    context, person_id = info.context, info.context.actor.person_id
    del info  # it holds the whole execution
    if person_id is None:
        raise Denied("UNAUTHENTICATED", "Sign in first.")

    async def admit() -> None:
        await _rider(context, person_id)

    async with Flow(context, [rider_stream(person_id)], after, admit) as flow:
        async for message in flow.messages(partial(_message, context, person_id), "offered"):
            yield message
            del message


async def _rider(context: Context, person_id: UUID) -> Rider:
    async with context.read() as session:
        found = await session.scalar(OF_PERSON, {"person": person_id})
    if found is None:
        raise not_found(Rider)
    return found


async def _message(context: Context, person_id: UUID, step: Step) -> DeliveryOffered:
    if (hint := step.hint) is None:
        return await _desk(context, person_id, step)
    return DeliveryOffered(
        kind=step.kind,
        cursor=step.cursor,
        type=hint.type,
        at=hint.at,
        offer_id=key_in(hint, "offer_id"),
        delivery_id=key_in(hint, "delivery_id"),
    )


async def _desk(context: Context, person_id: UUID, step: Step) -> DeliveryOffered:
    """The offer that waits for an answer, and the delivery in hand."""
    async with context.read() as session:
        found = (await session.execute(DESK, {"person": person_id})).first()
    offer, waiting, live = found or (None, None, None)
    return DeliveryOffered(
        kind=step.kind, cursor=step.cursor, offer_id=offer, delivery_id=live or waiting
    )
