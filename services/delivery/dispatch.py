"""Who is asked to ride: the nearest rider who was seen lately and is free, then the next.

A rider is asked once a round. When nobody is left to ask, the next round begins after a pause;
after ROUNDS rounds the search goes on slowly and the store is told. That one delivery has one live
offer and one rider at most one is held by unique indexes: whoever loses a race asks the next.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.statements import kept
from models.accounts import Person
from models.delivery import (
    Delivery,
    DeliveryOffer,
    DeliveryStatus,
    OfferAction,
    OfferStatus,
    Rider,
    RiderAction,
    RiderStatus,
    Vehicle,
)
from models.events import EventType
from models.identity import Actor
from models.orders import Order
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, not_found
from services.delivery.delivery_states import locked, tell
from services.delivery.nearest_riders import NEAREST, nearest_to
from services.events.event_log import happened, rider_stream
from services.routing.distances import eta_seconds

OFFER_SECONDS = 20
ROUNDS = 3
LOOK_SECONDS = 5
ROUND_PAUSE_SECONDS = 10
BACK_OFF_SECONDS = 60
RACES_MOST = 5
OFFER = kept(
    insert(DeliveryOffer)
    .values(
        id=bindparam("key"),
        delivery_id=bindparam("delivery"),
        rider_id=bindparam("rider"),
        rider_person_id=bindparam("person"),
        company_id=bindparam("company"),
        store_id=bindparam("store"),
        status=OfferStatus.OFFERED,
        round=bindparam("nth_round"),
        distance_m=bindparam("to_store_m"),
        eta_seconds=bindparam("seconds"),
        ride_m=bindparam("to_door_m"),
        expires_at=func.clock_timestamp() + timedelta(seconds=OFFER_SECONDS),
    )
    .on_conflict_do_nothing()
    .returning(DeliveryOffer.id)
)
ASKED_THIS_ROUND = kept(
    select(DeliveryOffer.id)
    .where(
        DeliveryOffer.delivery_id == bindparam("delivery"),
        DeliveryOffer.round == bindparam("round"),
    )
    .limit(1)
)
OVERDUE = kept(
    select(Delivery.id)
    .where(Delivery.due_at <= func.clock_timestamp())
    .order_by(Delivery.due_at)
    .limit(bindparam("most", type_=Integer))
)
LIVE_OFFER = kept(
    select(DeliveryOffer)
    .where(
        DeliveryOffer.delivery_id == bindparam("delivery"),
        DeliveryOffer.status == OfferStatus.OFFERED,
    )
    .execution_options(populate_existing=True)
)


def answers(offer: DeliveryOffer, actor: Actor) -> list[OfferAction]:
    """What a person can do with an offer: nothing unless it is theirs and open."""
    if offer.status is not OfferStatus.OFFERED or offer.rider_person_id != actor.person_id:
        return []
    return list(OfferAction)


async def offer_next(
    session: AsyncSession, order: Order, delivery: Delivery
) -> DeliveryOffer | None:
    """Ask the nearest free rider not asked in this round, or None: then look again later.

    The order is locked by the caller; the delivery is SEARCHING.
    """
    delivery.round = max(1, delivery.round)
    for _ in range(RACES_MOST):
        found = (await session.execute(NEAREST, nearest_to(delivery))).first()
        if found is None:
            break
        if (offer := await _ask(session, delivery, found)) is not None:
            _offered(session, order, delivery, offer)
            return offer
    await _look_later(session, order, delivery)
    return None


async def _ask(session: AsyncSession, delivery: Delivery, found: Row[Any]) -> DeliveryOffer | None:
    """Write the offer; None when the rider or the delivery got another one in this moment."""
    await session.flush()
    key = await session.scalar(
        OFFER,
        {
            "key": uuid7(),
            "delivery": delivery.id,
            "rider": found.id,
            "person": found.person_id,
            "company": delivery.company_id,
            "store": delivery.store_id,
            "nth_round": delivery.round,
            "to_store_m": round(found.distance_m),
            "seconds": eta_seconds(found.distance_m, Vehicle(found.vehicle)),
            "to_door_m": delivery.distance_m,
        },
    )
    return await session.get(DeliveryOffer, key) if key else None


def _offered(session: AsyncSession, order: Order, delivery: Delivery, offer: DeliveryOffer) -> None:
    delivery.status, delivery.due_at = DeliveryStatus.OFFERED, offer.expires_at
    delivery.version += 1
    facts = {"offer_id": offer.id, "distance_m": offer.distance_m, "eta_seconds": offer.eta_seconds}
    tell(session, order, delivery, EventType.DELIVERY_OFFERED, round=offer.round, **facts)
    _tell_rider(session, offer, "OFFER_MADE", expires_at=offer.expires_at, **facts)


async def _look_later(session: AsyncSession, order: Order, delivery: Delivery) -> None:
    """When to look again; a round in which somebody was asked is over."""
    asked = await session.scalar(
        ASKED_THIS_ROUND, {"delivery": delivery.id, "round": delivery.round}
    )
    seconds = LOOK_SECONDS
    if asked is not None:
        exhausted = delivery.round >= ROUNDS
        seconds = BACK_OFF_SECONDS if exhausted else ROUND_PAUSE_SECONDS
        told = EventType.DELIVERY_SEARCHING
        tell(session, order, delivery, told, round=delivery.round, exhausted=exhausted)
        delivery.round += 1
    delivery.due_at = await moment(session, seconds)
    delivery.version += 1


async def accept(session: AsyncSession, *, actor: Actor, offer_id: UUID) -> Delivery:
    """Take the ride that is offered to the actor.

    Refused: NotFound, IllegalStep when the offer is over or the rider can't take it now.
    """
    order, delivery, offer = await _open_offer(session, actor, offer_id)
    rider = await session.get_one(
        Rider, offer.rider_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if rider.status is not RiderStatus.ONLINE or rider.live_delivery_id is not None:
        online = rider.status is RiderStatus.ONLINE
        legal: list[str] = [] if online else [RiderAction.GO_ONLINE]
        state = "RIDING" if online else rider.status
        message = f"You can't take a delivery while you are {state}."
        raise Refused(IllegalStep(path=_PATH, message=message, state=state, legal=legal))
    person = await session.get(Person, rider.person_id)
    now = await moment(session)
    offer.status, offer.answered_at = OfferStatus.ACCEPTED, now
    delivery.status, delivery.due_at = DeliveryStatus.ASSIGNED, None
    delivery.assigned_at, delivery.handover_tries, delivery.pin_tries = now, 0, 0
    delivery.rider_id, delivery.rider_person_id = rider.id, rider.person_id
    delivery.rider_name = first_name(person.name if person else "")
    delivery.version += 1
    rider.live_delivery_id = delivery.id
    rider.version += 1
    facts = {"rider_name": delivery.rider_name, "eta_seconds": offer.eta_seconds}
    tell(session, order, delivery, EventType.DELIVERY_ASSIGNED, **facts)
    await session.flush()
    return delivery


async def decline(session: AsyncSession, *, actor: Actor, offer_id: UUID) -> DeliveryOffer:
    """Say no to an offer: the next rider is asked at once. Refused as in `accept`."""
    order, delivery, offer = await _open_offer(session, actor, offer_id)
    await _go_on(session, order, delivery, offer, OfferStatus.DECLINED)
    return offer


async def advance(session: AsyncSession, delivery_id: UUID) -> bool:
    """What is due for a delivery: its offer has run out, or it is time to look for riders again.

    False when it has moved on in the meantime. Needs a session that may see all companies.
    """
    order, delivery = await locked(session, delivery_id)
    if delivery.due_at is None or delivery.due_at > await moment(session):
        return False
    if delivery.status is DeliveryStatus.SEARCHING:
        await offer_next(session, order, delivery)
    elif delivery.status is DeliveryStatus.OFFERED:
        if (offer := await live_offer(session, delivery)) is not None:
            await _go_on(session, order, delivery, offer, OfferStatus.EXPIRED)
    else:
        return False
    await session.flush()
    return True


async def overdue(session: AsyncSession, limit: int) -> list[UUID]:
    """Deliveries for which something is due, the longest waiting first."""
    return list(await session.scalars(OVERDUE, {"most": limit}))


async def withdraw(session: AsyncSession, delivery: Delivery) -> None:
    """Take a live offer back, because the delivery is not to be had any more."""
    if (offer := await live_offer(session, delivery)) is not None:
        await _close(session, offer, OfferStatus.WITHDRAWN)


async def live_offer(session: AsyncSession, delivery: Delivery) -> DeliveryOffer | None:
    """The offer of a delivery that waits for an answer, if there is one."""
    found: DeliveryOffer | None = await session.scalar(LIVE_OFFER, {"delivery": delivery.id})
    return found


def first_name(name: str) -> str:
    """What strangers may call a person."""
    return name.split(maxsplit=1)[0] if name.strip() else ""


async def _go_on(
    session: AsyncSession,
    order: Order,
    delivery: Delivery,
    offer: DeliveryOffer,
    status: OfferStatus,
) -> None:
    """Close an offer without a ride and ask the next rider."""
    await _close(session, offer, status)
    delivery.status = DeliveryStatus.SEARCHING
    delivery.version += 1
    declined = status is OfferStatus.DECLINED
    told = EventType.DELIVERY_OFFER_DECLINED if declined else EventType.DELIVERY_OFFER_EXPIRED
    tell(session, order, delivery, told, offer_id=offer.id)
    await offer_next(session, order, delivery)


async def _close(session: AsyncSession, offer: DeliveryOffer, status: OfferStatus) -> None:
    offer.status, offer.answered_at = status, await moment(session)
    _tell_rider(session, offer, "OFFER_WITHDRAWN", offer_id=offer.id, offer_status=status)
    await session.flush()


async def _open_offer(
    session: AsyncSession, actor: Actor, offer_id: UUID
) -> tuple[Order, Delivery, DeliveryOffer]:
    """An offer of the actor that can still be answered, under its order's lock."""
    seen = await session.get(DeliveryOffer, offer_id)
    if seen is None or not actor.signed_in or seen.rider_person_id != actor.person_id:
        raise not_found(DeliveryOffer, "offerId")
    order, delivery = await locked(session, seen.delivery_id)
    seen = await session.get_one(DeliveryOffer, offer_id, populate_existing=True)
    late = seen.status is OfferStatus.OFFERED and seen.expires_at <= await moment(session)
    state = OfferStatus.EXPIRED if late else seen.status
    if state is not OfferStatus.OFFERED:
        message = f"This offer is {state}: it can't be answered any more."
        raise Refused(IllegalStep(path=_PATH, message=message, state=state, legal=[]))
    return order, delivery, seen


def _tell_rider(session: AsyncSession, offer: DeliveryOffer, type: str, **facts: Any) -> None:
    body = {"delivery_id": offer.delivery_id, **facts}
    stream = rider_stream(offer.rider_person_id)
    happened(session, stream, type, body, company_id=offer.company_id)


_PATH = ["input", "offerId"]
