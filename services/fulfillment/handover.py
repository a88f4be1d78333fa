"""Hands bags from the store to the rider, and back to the store after a failed delivery.

A return refunds the goods and the tip. The delivery fee is kept when the customer caused the
failure, and refunded otherwise.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery, DeliveryAction, DeliveryStatus, FailReason
from models.events import Event, EventType
from models.fulfillment import Fulfillment, FulfillmentStatus, PutBackReason
from models.identity import Actor
from models.orders import CancelReason
from models.payments import RefundReason
from services.core.problems import DomainError, Problem
from services.core.state_machine import illegal_step
from services.delivery.deliveries import check_code
from services.delivery.delivery_states import (
    LockedDelivery,
    begin,
    change_status,
    release_rider,
)
from services.events.event_log import order_stream, record_order_event
from services.fulfillment.fulfillment_states import MACHINE, PACKED_STATUSES, load_task
from services.fulfillment.put_back import open_put_back
from services.orders import order_states
from services.payments import payment_states, payments, refunds

NO_SHOW_WAIT_SECONDS = 300
# Failures that the customer caused.
DELIVERY_FEE_KEPT = frozenset(
    {FailReason.NOBODY_HOME, FailReason.WRONG_ADDRESS, FailReason.REFUSED}
)
ARRIVAL_TIME = prepared(
    select(func.max(Event.at)).where(
        Event.stream == bindparam("stream"),
        Event.type == EventType.DELIVERY_AT_CUSTOMER,
        Event.at >= bindparam("placed_at"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooEarly(Problem):
    """The customer may still come to the door; NOBODY_HOME is possible in `retry_after_seconds`."""

    retry_after_seconds: int


async def pick_up(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    handover_code: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Hand the packed bags to the rider: riders need the store's handover code, its staff does not.

    Raises DomainError: NotFound, IllegalStep (also while the bags are not packed),
    WrongDeliveryCode.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.PICK_UP)
    fulfillment = await _fulfillment_of(session, locked)
    if fulfillment.status not in PACKED_STATUSES:
        message = f"The bags are not ready: the store's work is {fulfillment.status}."
        raise illegal_step("input", "deliveryId", message=message, state=fulfillment.status)
    check_code(locked, handover_code, fulfillment.handover_code, "handover_tries", "handoverCode")
    MACHINE.move(fulfillment, FulfillmentStatus.HANDED_OVER)
    fulfillment.handed_over_at = locked.now
    delivery = locked.delivery
    delivery.bags, delivery.picked_up_at, delivery.handover_tries = fulfillment.bags, locked.now, 0
    _record_handover(session, locked, fulfillment, EventType.FULFILLMENT_HANDED_OVER)
    _change_status(
        session, locked, DeliveryStatus.PICKED_UP, EventType.DELIVERY_PICKED_UP, device_time
    )
    await session.flush()
    return delivery


async def fail_attempt(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    reason: FailReason,
    device_time: datetime | None = None,
) -> Delivery:
    """Record that the bags could not be handed over; the rider brings them back.

    Raises DomainError: NotFound, IllegalStep, TooEarly for NOBODY_HOME within NO_SHOW_WAIT_SECONDS.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.FAIL)
    if reason is FailReason.NOBODY_HOME:
        await _check_waiting_time(session, locked)
    locked.delivery.fail_reason = reason
    failed, returning = DeliveryStatus.ATTEMPT_FAILED, DeliveryStatus.RETURNING
    _change_status(
        session, locked, failed, EventType.DELIVERY_ATTEMPT_FAILED, device_time, reason=reason
    )
    _change_status(session, locked, returning, EventType.DELIVERY_RETURNING, device_time)
    await session.flush()
    return locked.delivery


async def complete_return(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    handover_code: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Take the bags back: cancel the order as NOT_DELIVERED, refund the payment, open the put-back.

    Confirmed by the store's staff, or by the rider with the store's handover code.
    Raises DomainError: NotFound, IllegalStep, WrongDeliveryCode.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.RETURN)
    fulfillment = await _fulfillment_of(session, locked)
    check_code(locked, handover_code, fulfillment.handover_code, "handover_tries", "handoverCode")
    await _refund(session, locked)
    MACHINE.move(fulfillment, FulfillmentStatus.CANCELED)
    _change_status(
        session, locked, DeliveryStatus.RETURNED, EventType.DELIVERY_RETURNED, device_time
    )
    await session.flush()
    await release_rider(session, locked.delivery)
    task = await load_task(session, locked.order, fulfillment.id)
    await open_put_back(session, task, PutBackReason.DELIVERY_RETURNED)
    await order_states.mark_canceled(session, locked.order, CancelReason.NOT_DELIVERED)
    await session.flush()
    return locked.delivery


async def _check_waiting_time(session: AsyncSession, locked: LockedDelivery) -> None:
    """Raise DomainError: TooEarly while the customer still has time to come to the door."""
    parameters = {"stream": order_stream(locked.order.id), "placed_at": locked.order.placed_at}
    arrived_at = await session.scalar(ARRIVAL_TIME, parameters)
    waited_seconds = (
        NO_SHOW_WAIT_SECONDS if arrived_at is None else (locked.now - arrived_at).total_seconds()
    )
    seconds_left = ceil(NO_SHOW_WAIT_SECONDS - waited_seconds)
    if seconds_left > 0:
        message = f"Wait {seconds_left} more seconds before you say that nobody is home."
        raise DomainError(
            TooEarly(path=["input", "reason"], message=message, retry_after_seconds=seconds_left)
        )


async def _refund(session: AsyncSession, locked: LockedDelivery) -> None:
    """Refund the captured amount, less the delivery fee where it is kept."""
    order = locked.order
    payment = await payments.lock_payment(session, order.id)
    if payment.status not in payment_states.CAPTURED_STATUSES:
        await payments.request_void(session, order)
        return
    kept_minor = order.delivery_fee_minor if locked.delivery.fail_reason in DELIVERY_FEE_KEPT else 0
    refund_minor = min(
        await refunds.refundable_minor(session, payment), payment.captured_minor - kept_minor
    )
    if refund_minor > 0:
        note = f"Not delivered: {locked.delivery.fail_reason}"
        reason, actor_id = RefundReason.CANCELED, locked.actor.person_id
        await payments.request_refund(session, order, refund_minor, reason, note, None, actor_id)


async def _fulfillment_of(session: AsyncSession, locked: LockedDelivery) -> Fulfillment:
    fulfillment_id = locked.delivery.fulfillment_id
    return await session.get_one(Fulfillment, fulfillment_id, populate_existing=True)


def _change_status(
    session: AsyncSession,
    locked: LockedDelivery,
    status: DeliveryStatus,
    event_type: EventType,
    device_time: datetime | None,
    **facts: object,
) -> None:
    change_status(locked.delivery, status)
    locked.record_change(session, event_type, device_time=device_time, **facts)


def _record_handover(
    session: AsyncSession, locked: LockedDelivery, fulfillment: Fulfillment, event_type: EventType
) -> None:
    facts = {"fulfillment_id": fulfillment.id, "fulfillment_status": fulfillment.status}
    record_order_event(
        session, locked.order, event_type, queue_store_id=fulfillment.store_id, **facts
    )
