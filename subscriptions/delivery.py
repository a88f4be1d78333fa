"""What is asked of the signed-in rider: offers, and changes of the delivery in hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select

from models import Delivery, DeliveryOffer, OfferStatus, Rider
from resolvers.context import Context, Info
from resolvers.rules import Denied
from services.event import rider_stream
from services.refusal import not_found
from subscriptions.course import Step
from subscriptions.flow import After, Flow, key_in
from subscriptions.message import Message


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
        found = await session.scalar(select(Rider).where(Rider.person_id == person_id))
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
        offer = await session.scalar(
            select(DeliveryOffer).where(
                DeliveryOffer.rider_person_id == person_id,
                DeliveryOffer.status == OfferStatus.OFFERED,
            )
        )
        live = await session.scalar(
            select(Rider.live_delivery_id).where(Rider.person_id == person_id)
        )
        delivery = await session.get(Delivery, live) if live else None
    waiting = offer.delivery_id if offer else None
    return DeliveryOffered(
        kind=step.kind,
        cursor=step.cursor,
        offer_id=offer.id if offer else None,
        delivery_id=delivery.id if delivery else waiting,
    )
