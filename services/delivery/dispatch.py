"""Offers deliveries to riders: the nearest free rider with a fresh position, then the next.

Each rider gets at most one offer per round. Unique indexes allow one open offer for each delivery
and for each rider: the slower of two offers in parallel goes to the next rider. When a round begins
and what happens when the search goes on for too long is in `search_escalation`: each offer looks
whether it has, so that a search ends although there is always somebody who accepts and then goes
silent.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.statements import prepared
from models.accounts import User
from models.companies import Company, timer_seconds
from models.delivery import (
    Delivery,
    DeliveryOffer,
    DeliveryOfferAction,
    DeliveryOfferStatus,
    DeliveryStatus,
)
from models.events import OrderEventKind
from models.identity import Actor
from models.message_text import words_text
from models.orders import Order
from models.riders import Rider, RiderAction, RiderStatus, VehicleKind
from models.stores import Store
from services.core.clock import current_time
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.delivery import search_escalation
from services.delivery.delivery_records import close_delivery_cases, record_change
from services.delivery.delivery_states import MACHINE, change_status, lock
from services.delivery.nearest_riders import NEAREST_RIDER, nearest_rider_parameters
from services.delivery.rider_states import OFFER_MACHINE
from services.events.event_log import record_event, rider_stream
from services.routing.distances import eta_seconds

MAX_OFFER_ATTEMPTS = 5
_OFFER_TIME = (
    select(func.make_interval(0, 0, 0, 0, 0, 0, timer_seconds("offer_seconds")))
    .where(Company.id == bindparam("company"), Store.id == bindparam("store"))
    .scalar_subquery()
)
INSERT_OFFER = prepared(
    insert(DeliveryOffer)
    .values(
        id=bindparam("key"),
        delivery_id=bindparam("delivery"),
        rider_id=bindparam("rider"),
        rider_person_id=bindparam("person"),
        company_id=bindparam("company"),
        store_id=bindparam("store"),
        status=DeliveryOfferStatus.OFFERED,
        dispatch_round=bindparam("round_number"),
        pickup_distance_meters=bindparam("pickup_distance_m"),
        pickup_eta_seconds=bindparam("pickup_eta_seconds"),
        dropoff_distance_meters=bindparam("dropoff_distance_m"),
        expires_at=func.clock_timestamp() + _OFFER_TIME,
    )
    .on_conflict_do_nothing()
    .returning(DeliveryOffer.id)
)
OPEN_OFFER = prepared(
    select(DeliveryOffer)
    .where(
        DeliveryOffer.delivery_id == bindparam("delivery"),
        DeliveryOffer.status == DeliveryOfferStatus.OFFERED,
    )
    .execution_options(populate_existing=True)
)


async def offer_to_next_rider(
    session: AsyncSession, order: Order, delivery: Delivery, now: datetime
) -> DeliveryOffer | None:
    """Offer a delivery to the nearest free rider without an offer in this round.

    Returns None when there is none; then the search is retried later. A search that has ended is
    due at once instead: the job cancels the order. The order is locked by the caller and the
    delivery is SEARCHING.
    """
    if await search_escalation.escalate(session, order, delivery, now):
        delivery.due_at = now
        delivery.version += 1
        return None
    delivery.dispatch_round = max(1, delivery.dispatch_round)
    for _ in range(MAX_OFFER_ATTEMPTS):
        rider = (await session.execute(NEAREST_RIDER, nearest_rider_parameters(delivery))).first()
        if rider is None:
            break
        if (offer := await _insert_offer(session, delivery, rider)) is not None:
            _record_offer(session, order, delivery, offer)
            return offer
    await search_escalation.schedule_round(session, order, delivery)
    return None


async def _insert_offer(
    session: AsyncSession, delivery: Delivery, rider: Row[Any]
) -> DeliveryOffer | None:
    """Insert the offer; None when the rider or the delivery just got another offer."""
    await session.flush()
    offer_id = await session.scalar(
        INSERT_OFFER,
        {
            "key": uuid7(),
            "delivery": delivery.id,
            "rider": rider.id,
            "person": rider.person_id,
            "company": delivery.company_id,
            "store": delivery.store_id,
            "round_number": delivery.dispatch_round,
            "pickup_distance_m": round(rider.distance_m),
            "pickup_eta_seconds": eta_seconds(rider.distance_m, VehicleKind(rider.vehicle)),
            "dropoff_distance_m": delivery.dropoff_distance_meters,
        },
    )
    return await session.get(DeliveryOffer, offer_id) if offer_id else None


def _record_offer(
    session: AsyncSession, order: Order, delivery: Delivery, offer: DeliveryOffer
) -> None:
    MACHINE.move(delivery, DeliveryStatus.OFFERED)
    delivery.due_at = offer.expires_at
    facts = {
        "offer_id": offer.id,
        "distance_m": offer.pickup_distance_meters,
        "eta_seconds": offer.pickup_eta_seconds,
    }
    event_type = OrderEventKind.DELIVERY_OFFERED
    record_change(session, order, delivery, event_type, round=offer.dispatch_round, **facts)
    _record_rider_event(session, offer, "OFFER_MADE", expires_at=offer.expires_at, **facts)


async def accept_offer(session: AsyncSession, *, actor: Actor, offer_id: UUID) -> Delivery:
    """Assign the offered delivery to the rider who accepts it.

    Raises DomainError: NotFound, InvalidTransition when the offer is closed, or the rider is
    offline or busy.
    """
    order, delivery, offer = await _begin_answer(session, actor, offer_id)
    rider = await session.get_one(
        Rider, offer.rider_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if rider.status is not RiderStatus.ONLINE or rider.live_delivery_id is not None:
        online = rider.status is RiderStatus.ONLINE
        legal: list[str] = [] if online else [RiderAction.GO_ONLINE]
        message = "You are on a delivery already." if online else "Go online first."
        raise illegal_step(*_PATH, message=message, state=rider.status, legal=legal)
    person = await session.get(User, rider.person_id)
    now = await current_time(session)
    OFFER_MACHINE.set_status(offer, DeliveryOfferStatus.ACCEPTED)
    offer.answered_at = now
    change_status(delivery, DeliveryStatus.ASSIGNED, now)
    assign(delivery, rider, person.name if person else "", now)
    if order.cancel_offered_at is not None:
        order.cancel_offered_at = None
        order.version += 1
    await close_delivery_cases(session, order, delivery, "A rider was found.")
    facts = {"rider_name": delivery.rider_name, "eta_seconds": offer.pickup_eta_seconds}
    record_change(session, order, delivery, OrderEventKind.DELIVERY_ASSIGNED, **facts)
    await session.flush()
    return delivery


def assign(delivery: Delivery, rider: Rider, name: str, now: datetime) -> None:
    """Give a delivery to a locked rider. Wrong codes count on: they belong to the code."""
    delivery.assigned_at = now
    delivery.rider_id, delivery.rider_person_id = rider.id, rider.person_id
    delivery.rider_name = first_name(name)
    delivery.needs_rider_since = None
    rider.live_delivery_id = delivery.id
    rider.version += 1


async def decline_offer(session: AsyncSession, *, actor: Actor, offer_id: UUID) -> DeliveryOffer:
    """Decline an offer; the next rider gets an offer at once.

    Raises DomainError: NotFound, InvalidTransition when the offer is closed.
    """
    order, delivery, offer = await _begin_answer(session, actor, offer_id)
    await _offer_to_another(session, order, delivery, offer, DeliveryOfferStatus.DECLINED)
    return offer


async def expire_offer(session: AsyncSession, order: Order, delivery: Delivery) -> None:
    """Expire the open offer of a locked delivery and offer it to the next rider."""
    if (offer := await open_offer(session, delivery)) is not None:
        await _offer_to_another(session, order, delivery, offer, DeliveryOfferStatus.EXPIRED)


async def withdraw_offer(session: AsyncSession, delivery: Delivery) -> None:
    """Withdraw the open offer of a delivery that is no longer available."""
    if (offer := await open_offer(session, delivery)) is not None:
        await _close_offer(session, offer, DeliveryOfferStatus.WITHDRAWN)


async def open_offer(session: AsyncSession, delivery: Delivery) -> DeliveryOffer | None:
    """The open offer of a delivery, if there is one."""
    offer: DeliveryOffer | None = await session.scalar(OPEN_OFFER, {"delivery": delivery.id})
    return offer


def first_name(name: str) -> str:
    """The first name: the part of a name that customers and riders see of each other."""
    return name.split(maxsplit=1)[0] if name.strip() else ""


async def _offer_to_another(
    session: AsyncSession,
    order: Order,
    delivery: Delivery,
    offer: DeliveryOffer,
    status: DeliveryOfferStatus,
) -> None:
    """Close an offer that was not accepted and offer the delivery to the next rider."""
    now = await _close_offer(session, offer, status)
    MACHINE.move(delivery, DeliveryStatus.SEARCHING)
    declined = status is DeliveryOfferStatus.DECLINED
    event_type = (
        OrderEventKind.DELIVERY_OFFER_DECLINED
        if declined
        else OrderEventKind.DELIVERY_OFFER_EXPIRED
    )
    record_change(session, order, delivery, event_type, offer_id=offer.id)
    await offer_to_next_rider(session, order, delivery, now)


async def _close_offer(
    session: AsyncSession, offer: DeliveryOffer, status: DeliveryOfferStatus
) -> datetime:
    """Close an open offer; returns the time."""
    offer.answered_at = now = await current_time(session)
    OFFER_MACHINE.set_status(offer, status)
    _record_rider_event(session, offer, "OFFER_WITHDRAWN", offer_id=offer.id, offer_status=status)
    await session.flush()
    return now


async def _begin_answer(
    session: AsyncSession, actor: Actor, offer_id: UUID
) -> tuple[Order, Delivery, DeliveryOffer]:
    """The actor's offer that can still be answered, under its order's lock."""
    offer = await session.get(DeliveryOffer, offer_id)
    if offer is None or not OFFER_MACHINE.takes_part(offer, actor, DeliveryOfferAction.ACCEPT):
        raise not_found(DeliveryOffer, "deliveryOfferId")
    order, delivery = await lock(session, offer.delivery_id)
    offer = await session.get_one(DeliveryOffer, offer_id, populate_existing=True)
    expired = (
        offer.status is DeliveryOfferStatus.OFFERED
        and offer.expires_at <= await current_time(session)
    )
    status = DeliveryOfferStatus.EXPIRED if expired else offer.status
    if status is not DeliveryOfferStatus.OFFERED:
        message = f"This offer is {words_text(status)}: it can't be answered any more."
        raise illegal_step(*_PATH, message=message, state=status)
    return order, delivery, offer


def _record_rider_event(
    session: AsyncSession, offer: DeliveryOffer, type: str, **facts: Any
) -> None:
    body = {"delivery_id": offer.delivery_id, **facts}
    stream = rider_stream(offer.rider_id)
    record_event(session, stream, type, body, company_id=offer.company_id)


_PATH = ("input", "deliveryOfferId")
