"""Creates deliveries and takes them from the store to the customer."""

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.delivery import FINAL_DELIVERY_STATUSES, Delivery, DeliveryAction, DeliveryStatus
from models.events import EventType
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.orders import Order
from models.riders import Rider, RiderPosition
from services.core.problems import CommittedDomainError, not_found
from services.core.state_machine import illegal_step
from services.delivery import dispatch
from services.delivery.delivery_states import (
    ASSIGNED_BEFORE_PICKUP,
    BEFORE_PICKUP,
    MAX_CODE_ATTEMPTS,
    LockedDelivery,
    WrongDeliveryCode,
    begin,
    can_see,
    change_status,
    lock,
    record_change,
    record_rider_change,
    release_rider,
)
from services.orders import order_states

MAX_RIDER_SILENCE_SECONDS = 180
UNIQUE_OPEN_DELIVERY = "uq_delivery_live"
OPEN_DELIVERY = prepared(
    select(Delivery)
    .where(
        Delivery.order_id == bindparam("order"),
        Delivery.status.not_in(enum_literals(FINAL_DELIVERY_STATUSES)),
    )
    .execution_options(populate_existing=True)
)
BAG_COUNT = prepared(select(Fulfillment.bags).where(Fulfillment.id == bindparam("fulfillment")))


async def create_delivery(
    session: AsyncSession, order: Order, fulfillment: Fulfillment
) -> Delivery:
    """Create the delivery of a fulfillment, offered to the nearest rider. The order is locked.

    Raises DomainError: IllegalStep when the fulfillment has an open delivery already.
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
    state = fulfillment.status  # the row can't be read after a failed flush
    try:
        await session.flush()
    except IntegrityError as error:
        if UNIQUE_OPEN_DELIVERY not in str(error.orig):
            raise
        message = "A ride of this order is under way already."
        raise illegal_step("input", "fulfillmentId", message=message, state=state) from None
    record_change(session, order, delivery, EventType.DELIVERY_SEARCHING, round=1)
    await dispatch.offer_to_next_rider(session, order, delivery)
    await session.flush()
    return delivery


async def open_delivery(session: AsyncSession, order_id: UUID) -> Delivery | None:
    """The delivery of an order that has not ended."""
    delivery: Delivery | None = await session.scalar(OPEN_DELIVERY, {"order": order_id})
    return delivery


async def cancel_for_order(session: AsyncSession, order: Order) -> Delivery | None:
    """Cancel the open delivery of a locked order; None when there is none.

    Raises DomainError: IllegalStep once its bags are picked up.
    """
    delivery = await open_delivery(session, order.id)
    if delivery is None:
        return None
    if delivery.status not in BEFORE_PICKUP:
        message = f"The delivery is {delivery.status}: it can't be canceled any more."
        raise illegal_step(message=message, state=delivery.status)
    await dispatch.withdraw_offer(session, delivery)
    change_status(delivery, DeliveryStatus.CANCELED)
    record_change(session, order, delivery, EventType.DELIVERY_CANCELED)
    await release_rider(session, delivery)
    return delivery


async def arrive_at_store(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """Record that the rider is at the store. Raises DomainError: NotFound, IllegalStep."""
    locked = await begin(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_STORE)
    bags = await session.scalar(BAG_COUNT, {"fulfillment": locked.delivery.fulfillment_id})
    locked.delivery.bags = bags or 0
    return await _finish_step(
        session, locked, DeliveryStatus.AT_STORE, EventType.DELIVERY_AT_STORE, device_time
    )


async def arrive_at_customer(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """Record that the rider is at the customer's door.

    Raises DomainError: NotFound, IllegalStep.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_CUSTOMER)
    return await _finish_step(
        session, locked, DeliveryStatus.AT_CUSTOMER, EventType.DELIVERY_AT_CUSTOMER, device_time
    )


async def complete(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    pin: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Record that the customer has the bags: riders need the customer's PIN, support does not.

    Raises DomainError: NotFound, WrongDeliveryCode, IllegalStep (for riders also after
    MAX_CODE_ATTEMPTS wrong PINs).
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.COMPLETE)
    check_code(locked, pin, locked.order.delivery_pin, "pin_tries", "pin")
    locked.delivery.delivered_at = locked.now
    await _finish_step(
        session, locked, DeliveryStatus.DELIVERED, EventType.DELIVERY_DELIVERED, device_time
    )
    await release_rider(session, locked.delivery)
    await order_states.mark_completed(session, locked.order)
    await session.flush()
    return locked.delivery


async def unassign(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """Take a delivery from its rider before pickup and offer it to others.

    Only for the store's staff and for support. Raises DomainError: NotFound, IllegalStep.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.UNASSIGN)
    await _search_again(session, locked.order, locked.delivery)
    return locked.delivery


async def deliveries_of_silent_riders(session: AsyncSession, limit: int) -> list[UUID]:
    """Deliveries before pickup whose riders sent no position for MAX_RIDER_SILENCE_SECONDS.

    The oldest assignments come first.
    """
    rows = await session.scalars(_silent_deliveries().order_by(Delivery.assigned_at).limit(limit))
    return list(rows)


async def unassign_silent_rider(session: AsyncSession, delivery_id: UUID) -> bool:
    """Take a delivery from a silent rider and offer it to others; False when not silent.

    The session must see all companies.
    """
    order, delivery = await lock(session, delivery_id)
    if await session.scalar(_silent_deliveries().where(Delivery.id == delivery_id)) is None:
        return False
    await _search_again(session, order, delivery, silent=True)
    return True


async def visible_delivery(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """A delivery for its customer, its rider, its store's staff or support.

    Raises DomainError: NotFound.
    """
    delivery = await session.get(Delivery, delivery_id)
    if delivery is None or not can_see(delivery, actor):
        raise not_found(Delivery, "id")
    return delivery


def check_code(
    locked: LockedDelivery,
    code: str | None,
    expected_code: str,
    attempts_column: str,
    field_name: str,
) -> None:
    """Check the code that a rider gives; store staff and support need none.

    Raises CommittedDomainError: WrongDeliveryCode, so that the wrong attempt is counted.
    """
    if not locked.by_rider:
        return
    if code is not None and hmac.compare_digest(
        code.encode(errors="replace"), expected_code.encode()
    ):
        return
    if code is not None:
        setattr(locked.delivery, attempts_column, getattr(locked.delivery, attempts_column) + 1)
    attempts_left = MAX_CODE_ATTEMPTS - getattr(locked.delivery, attempts_column)
    message = f"That is not the code: {attempts_left} tries are left." if code else "Say the code."
    raise CommittedDomainError(
        WrongDeliveryCode(path=["input", field_name], message=message, tries_left=attempts_left)
    )


def _silent_deliveries() -> Select[UUID]:
    """Selects deliveries whose riders are silent, starting from the riders, who are few.

    A crash of the database deletes the positions, so silence is counted from its start at the
    earliest.
    """
    last_seen_at = func.coalesce(RiderPosition.seen_at, func.pg_postmaster_start_time())
    return (
        select(Delivery.id)
        .join(Rider, Rider.live_delivery_id == Delivery.id)
        .outerjoin(RiderPosition, RiderPosition.rider_id == Rider.id)
        .where(
            Delivery.status.in_(ASSIGNED_BEFORE_PICKUP),
            func.greatest(Delivery.assigned_at, last_seen_at)
            < func.clock_timestamp() - timedelta(seconds=MAX_RIDER_SILENCE_SECONDS),
        )
    )


async def _search_again(
    session: AsyncSession, order: Order, delivery: Delivery, **facts: object
) -> None:
    """Take the delivery from its rider and offer it to others."""
    change_status(delivery, DeliveryStatus.SEARCHING)
    if delivery.rider_person_id is not None:
        record_rider_change(session, delivery.rider_person_id, delivery)
    await release_rider(session, delivery)
    delivery.rider_id = delivery.rider_person_id = delivery.assigned_at = None
    delivery.rider_name = ""
    record_change(session, order, delivery, EventType.DELIVERY_SEARCHING, unassigned=True, **facts)
    await session.flush()
    await dispatch.offer_to_next_rider(session, order, delivery)
    await session.flush()


async def _finish_step(
    session: AsyncSession,
    locked: LockedDelivery,
    status: DeliveryStatus,
    event_type: EventType,
    device_time: datetime | None,
) -> Delivery:
    change_status(locked.delivery, status)
    locked.record_change(session, event_type, device_time=device_time)
    await session.flush()
    return locked.delivery
