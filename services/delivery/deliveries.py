"""Creates deliveries and takes them from the store to the customer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.delivery import (
    FINAL_DELIVERY_STATUSES,
    OPEN_DELIVERY_SQL,
    Delivery,
    DeliveryAction,
    DeliveryStatus,
)
from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.message_text import words_text
from models.orders import Order
from models.stores import Store
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.delivery import dispatch, search_escalation
from services.delivery.delivery_codes import check_code
from services.delivery.delivery_parties import STORE_AND_SUPPORT_ROLES, can_see
from services.delivery.delivery_records import (
    LockedDelivery,
    close_delivery_cases,
    record_change,
    record_rider_change,
)
from services.delivery.delivery_states import (
    BEFORE_PICKUP,
    begin,
    change_status,
    lock,
    release_rider,
    require_age,
)
from services.delivery.rider_distance import require_at_customer, require_at_store
from services.delivery.step_overrides import StepOverride, store_override
from services.orders import order_states, restricted_bags
from services.orders.age_checks import ShownDocument, record_age_check
from services.orders.payment_cover import require_secured

UNIQUE_OPEN_DELIVERY = "uq_delivery_live"
OPEN_DELIVERY = prepared(
    select(Delivery)
    .where(
        Delivery.order_id == bindparam("order"),
        Delivery.status.not_in(enum_literals(FINAL_DELIVERY_STATUSES)),
    )
    .execution_options(populate_existing=True)
)
BAG_COUNT = prepared(select(Fulfillment.bag_count).where(Fulfillment.id == bindparam("key")))


async def create_delivery(
    session: AsyncSession, order: Order, fulfillment: Fulfillment
) -> Delivery:
    """Create the delivery of a fulfillment, offered to the nearest rider. The order is locked.

    Raises DomainError: InvalidTransition when the fulfillment has an open delivery already.
    """
    now = await current_time(session)
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
        minimum_age=order.minimum_age,
        delivery_instructions=order.delivery_instructions,
        dropoff_distance_meters=order.dropoff_distance_meters,
        status=DeliveryStatus.SEARCHING,
        search_started_at=now,
        dispatch_round=1,
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
    record_change(session, order, delivery, OrderEventKind.DELIVERY_SEARCHING, round=1)
    await dispatch.offer_to_next_rider(session, order, delivery, now)
    await session.flush()
    return delivery


async def open_delivery(session: AsyncSession, order_id: UUID) -> Delivery | None:
    """The delivery of an order that has not ended."""
    delivery: Delivery | None = await session.scalar(OPEN_DELIVERY, {"order": order_id})
    return delivery


async def cancel_for_order(session: AsyncSession, order: Order) -> Delivery | None:
    """Cancel the open delivery of a locked order; None when there is none.

    Raises DomainError: InvalidTransition once its bags are picked up.
    """
    delivery = await open_delivery(session, order.id)
    if delivery is None:
        return None
    if (state := delivery.status) not in BEFORE_PICKUP:
        message = f"The delivery is {words_text(state)}: it can't be canceled any more."
        raise illegal_step(message=message, state=state)
    await dispatch.withdraw_offer(session, delivery)
    change_status(delivery, DeliveryStatus.CANCELED, await current_time(session))
    record_change(session, order, delivery, OrderEventKind.DELIVERY_CANCELED)
    await release_rider(session, delivery)
    await close_delivery_cases(session, order, delivery, "The order was canceled.")
    return delivery


async def arrive_at_store(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """Record that the rider is at the store. Raises NotFound, InvalidTransition or TooFar."""
    locked = await begin(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_STORE)
    await require_at_store(session, locked)
    bags = await session.scalar(BAG_COUNT, {"key": locked.delivery.fulfillment_id})
    locked.delivery.bag_count = bags or 0
    event_type = OrderEventKind.DELIVERY_AT_STORE
    return await _finish_step(session, locked, DeliveryStatus.AT_STORE, event_type, device_time)


async def arrive_at_customer(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID, device_time: datetime | None = None
) -> Delivery:
    """Record that the rider is at the customer's door; the wait of this attempt begins.

    Without a fresh position the customer does not pay for the wait until a position shows it.
    Raises DomainError: NotFound, InvalidTransition, TooFar.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.ARRIVE_AT_CUSTOMER)
    is_proved = await require_at_customer(session, locked)
    locked.delivery.arrived_at = locked.now
    locked.delivery.at_door_since = locked.now if is_proved else None
    await restricted_bags.ask_for_age(session, locked.order, locked.delivery)
    event_type = OrderEventKind.DELIVERY_AT_CUSTOMER
    return await _finish_step(session, locked, DeliveryStatus.AT_CUSTOMER, event_type, device_time)


async def show_arrival(session: AsyncSession, delivery_id: UUID, rider_id: UUID) -> None:
    """Record that a position of the rider at the door was accepted, if none was before."""
    _, delivery = await lock(session, delivery_id)
    waits = delivery.status is DeliveryStatus.AT_CUSTOMER and delivery.rider_id == rider_id
    if waits and delivery.at_door_since is None:
        delivery.at_door_since = await current_time(session)
        await session.flush()


async def complete(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    pin: str | None = None,
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Record that the customer has the bags: riders need the customer's PIN, others an override.

    Support can do so while a rider has the bags, the store's staff on their way back. Raises
    DomainError: NotFound, InvalidHandoverCode, InvalidInput, TooFar, InvalidTransition (for riders
    also after MAX_CODE_ATTEMPTS wrong PINs, and for everybody while the money is not secured, or
    the age is not checked of what became restricted on the way).
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.COMPLETE)
    await require_age(session, locked)
    await require_secured(session, locked.order, "input", "deliveryId")
    facts = store_override(locked, override)
    await require_at_customer(session, locked)
    check_code(locked, pin, locked.order.delivery_pin, "pin_tries", "deliveryPin")
    locked.delivery.delivered_at = locked.now
    locked.delivery.needs_rider_since = None
    event_type = OrderEventKind.DELIVERY_DELIVERED
    await _finish_step(session, locked, DeliveryStatus.DELIVERED, event_type, device_time, **facts)
    await end_assignment(session, locked, "The order was delivered.")
    await order_states.mark_completed(session, locked.order)
    await session.flush()
    return locked.delivery


async def check_age(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    shown: ShownDocument,
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Record what the customer showed as a proof of age; after a failed check there is no other.

    Who is not at the door needs an override. Raises DomainError: NotFound, InvalidTransition,
    InvalidInput.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.CHECK_AGE)
    facts = store_override(locked, override) | {"device_time": device_time}
    await record_age_check(
        session, locked.order, locked.delivery, actor, shown, locked.now, **facts
    )
    return locked.delivery


async def unassign(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """Take a delivery from its rider before pickup and offer it to others.

    Only for the store's staff and for support. Raises DomainError: NotFound, InvalidTransition.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.UNASSIGN)
    await search_again(session, locked.order, locked.delivery)
    return locked.delivery


async def visible_delivery(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> Delivery:
    """A delivery for its customer, its rider, its store's staff or support.

    Raises DomainError: NotFound.
    """
    delivery = await session.get(Delivery, delivery_id)
    if delivery is None or not can_see(delivery, actor):
        raise not_found(Delivery, "id")
    return delivery


async def list_of_store(
    session: AsyncSession, *, actor: Actor, store_id: UUID, first: int, cursor: str | None
) -> Page[Delivery]:
    """A page of a store's deliveries that have not ended, oldest first, for staff and support.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    store = await session.get(Store, store_id)
    if store is None or not actor.has_store_role(
        store.company_id, store.id, STORE_AND_SUPPORT_ROLES
    ):
        raise not_found(Store, "storeId")
    statement = select(Delivery).where(Delivery.store_id == store_id, text(OPEN_DELIVERY_SQL))
    if (start := decode_cursor(cursor, Delivery.id)) is not None:
        statement = statement.where(Delivery.id > start[0])
    rows = (await session.scalars(statement.order_by(Delivery.id).limit(first + 1))).all()
    return build_page(rows, first, cursor, lambda delivery: (str(delivery.id),))


async def search_again(
    session: AsyncSession, order: Order, delivery: Delivery, **facts: object
) -> None:
    """Take a locked delivery, not picked up yet, from its rider and offer it to others."""
    now = await current_time(session)
    change_status(delivery, DeliveryStatus.SEARCHING, now)
    await search_escalation.resume(session, delivery, now)
    if delivery.rider_id is not None:
        record_rider_change(session, delivery.rider_id, delivery)
    await release_rider(session, delivery)
    delivery.rider_id = delivery.rider_person_id = delivery.assigned_at = None
    delivery.rider_name = ""
    event_type = OrderEventKind.DELIVERY_SEARCHING
    record_change(session, order, delivery, event_type, unassigned=True, **facts)
    await session.flush()
    await dispatch.offer_to_next_rider(session, order, delivery, now)
    await session.flush()


async def end_assignment(session: AsyncSession, locked: LockedDelivery, resolution: str) -> None:
    """Free the rider of a delivery that has ended, and resolve the cases about it."""
    await release_rider(session, locked.delivery)
    await close_delivery_cases(session, locked.order, locked.delivery, resolution)


async def _finish_step(
    session: AsyncSession,
    locked: LockedDelivery,
    status: DeliveryStatus,
    event_type: OrderEventKind,
    device_time: datetime | None,
    **facts: object,
) -> Delivery:
    change_status(locked.delivery, status, locked.now)
    locked.record_change(session, event_type, device_time=device_time, **facts)
    await session.flush()
    return locked.delivery
