"""The ride of an order, from the search for a rider to the door."""

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import words
from database.statements import kept
from models.delivery import OVER, Delivery, DeliveryAction, DeliveryStatus, Rider, RiderPosition
from models.events import EventType
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.orders import Order
from services.core.problems import IllegalStep, Kept, Refused, not_found
from services.delivery import dispatch
from services.delivery.delivery_states import (
    AT_THE_WHEEL,
    BEFORE_PICKUP,
    CODE_TRIES,
    Ride,
    WrongDeliveryCode,
    enter,
    free,
    locked,
    sees,
    tell,
    tell_rider,
)
from services.orders import orders

SILENT_SECONDS = 180
ONE_LIVE = "uq_delivery_live"
LIVE = kept(
    select(Delivery)
    .where(Delivery.order_id == bindparam("order"), Delivery.status.not_in(words(OVER)))
    .execution_options(populate_existing=True)
)
BAGS = kept(select(Fulfillment.bags).where(Fulfillment.id == bindparam("fulfillment")))


async def open(  # noqa: A001 - the trade's word; nothing in this room opens files
    session: AsyncSession, order: Order, fulfillment: Fulfillment
) -> Delivery:
    """Begin the ride of a fulfillment whose order is locked: the nearest rider is asked at once.

    Refused: IllegalStep when a ride of it is under way.
    """
    delivery = Delivery(
        fulfillment_id=fulfillment.id,
        order_id=order.id,
        store_id=fulfillment.store_id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        order_code=order.code,
        customer_name=dispatch.first_name(order.customer_name),
        latitude=order.latitude,
        longitude=order.longitude,
        address_line=order.address_line,
        drop_note=order.drop_note,
        distance_m=order.distance_m,
        status=DeliveryStatus.SEARCHING,
        round=1,
        version=1,
    )
    session.add(delivery)
    state = fulfillment.status  # not to be read once the transaction is broken
    try:
        await session.flush()
    except IntegrityError as error:
        if ONE_LIVE not in str(error.orig):
            raise
        message = "A ride of this order is under way already."
        path = ["input", "fulfillmentId"]
        raise Refused(IllegalStep(path=path, message=message, state=state, legal=[])) from None
    tell(session, order, delivery, EventType.DELIVERY_SEARCHING, round=1)
    await dispatch.offer_next(session, order, delivery)
    await session.flush()
    return delivery


async def cancel_for(session: AsyncSession, order: Order) -> Delivery | None:
    """End the ride of a locked order before its bags are picked up; None when there is none.

    Refused with IllegalStep once they are on the road.
    """
    delivery = await session.scalar(LIVE, {"order": order.id})
    if delivery is None:
        return None
    if delivery.status not in BEFORE_PICKUP:
        message = f"The delivery is {delivery.status}: it can't be canceled any more."
        raise Refused(IllegalStep(message=message, state=delivery.status, legal=[]))
    await dispatch.withdraw(session, delivery)
    _move(delivery, DeliveryStatus.CANCELED)
    tell(session, order, delivery, EventType.DELIVERY_CANCELED)
    await free(session, delivery)
    return delivery


async def arrive_at_store(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """The rider stands in the store. Refused: NotFound, IllegalStep."""
    ride = await enter(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_STORE)
    bags = await session.scalar(BAGS, {"fulfillment": ride.delivery.fulfillment_id})
    ride.delivery.bags = bags or 0
    return await _step(
        session, ride, DeliveryStatus.AT_STORE, EventType.DELIVERY_AT_STORE, device_time
    )


async def arrive_at_customer(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """The rider stands at the door. Refused: NotFound, IllegalStep."""
    ride = await enter(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_CUSTOMER)
    return await _step(
        session, ride, DeliveryStatus.AT_CUSTOMER, EventType.DELIVERY_AT_CUSTOMER, device_time
    )


async def complete(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    pin: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Hand the bags over: the rider by the customer's PIN, support without one.

    Refused: NotFound, WrongDeliveryCode, IllegalStep (for riders also after CODE_TRIES wrong PINs).
    """
    ride = await enter(session, actor, delivery_id, DeliveryAction.COMPLETE)
    check_code(ride, pin, ride.order.delivery_pin, "pin_tries", "pin")
    ride.delivery.delivered_at = ride.now
    await _step(session, ride, DeliveryStatus.DELIVERED, EventType.DELIVERY_DELIVERED, device_time)
    await free(session, ride.delivery)
    await orders.mark_completed(session, ride.order)
    await session.flush()
    return ride.delivery


async def unassign(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """Take a ride from its rider before pick-up, and ask the next. Refused: NotFound, IllegalStep.

    Only for the store's staff and for support.
    """
    ride = await enter(session, actor, delivery_id, DeliveryAction.UNASSIGN)
    await _search_anew(session, ride.order, ride.delivery)
    return ride.delivery


async def silent(session: AsyncSession, limit: int) -> list[UUID]:
    """Rides before pick-up whose riders were not seen for SILENT_SECONDS, the oldest first."""
    rows = await session.scalars(_silent().order_by(Delivery.assigned_at).limit(limit))
    return list(rows)


async def unassign_silent(session: AsyncSession, delivery_id: UUID) -> bool:
    """Take a ride from a rider who is not heard of, and ask the next; False when that isn't so.

    Needs a session that may see all companies.
    """
    order, delivery = await locked(session, delivery_id)
    if await session.scalar(_silent().where(Delivery.id == delivery_id)) is None:
        return False
    await _search_anew(session, order, delivery, silent=True)
    return True


async def visible(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """A delivery for its customer, its rider, its store's staff or support; else NotFound."""
    found = await session.get(Delivery, delivery_id)
    if found is None or not sees(found, actor):
        raise not_found(Delivery, "id")
    return found


def check_code(ride: Ride, said: str | None, right: str, tries: str, name: str) -> None:
    """Hold the rider to a code; a wrong one is counted even though the step is refused.

    Whoever is not the rider (the store's staff, support) says no code.
    """
    if not ride.by_rider:
        return
    if said is not None and hmac.compare_digest(said.encode(errors="replace"), right.encode()):
        return
    if said is not None:
        setattr(ride.delivery, tries, getattr(ride.delivery, tries) + 1)
    left = CODE_TRIES - getattr(ride.delivery, tries)
    message = f"That is not the code: {left} tries are left." if said else "Say the code."
    raise Kept(WrongDeliveryCode(path=["input", name], message=message, tries_left=left))


def _silent() -> Select[UUID]:
    """Rides whose time to be heard of is over; driven by the riders, who are few.

    A crash of the database forgets positions: nobody is called silent for what was before it.
    """
    seen = func.coalesce(RiderPosition.seen_at, func.pg_postmaster_start_time())
    return (
        select(Delivery.id)
        .join(Rider, Rider.live_delivery_id == Delivery.id)
        .outerjoin(RiderPosition, RiderPosition.rider_id == Rider.id)
        .where(
            Delivery.status.in_(AT_THE_WHEEL),
            func.greatest(Delivery.assigned_at, seen)
            < func.clock_timestamp() - timedelta(seconds=SILENT_SECONDS),
        )
    )


async def _search_anew(
    session: AsyncSession, order: Order, delivery: Delivery, **facts: object
) -> None:
    """The ride is its rider's no longer: others are asked."""
    _move(delivery, DeliveryStatus.SEARCHING)
    if delivery.rider_person_id is not None:
        tell_rider(session, delivery.rider_person_id, delivery)
    await free(session, delivery)
    delivery.rider_id = delivery.rider_person_id = delivery.assigned_at = None
    delivery.rider_name = ""
    tell(session, order, delivery, EventType.DELIVERY_SEARCHING, unassigned=True, **facts)
    await session.flush()
    await dispatch.offer_next(session, order, delivery)
    await session.flush()


async def _step(
    session: AsyncSession,
    ride: Ride,
    status: DeliveryStatus,
    told: EventType,
    device_time: datetime | None,
) -> Delivery:
    _move(ride.delivery, status)
    ride.tell(session, told, device_time=device_time)
    await session.flush()
    return ride.delivery


def _move(delivery: Delivery, status: DeliveryStatus) -> None:
    delivery.status, delivery.due_at = status, None
    delivery.version += 1
