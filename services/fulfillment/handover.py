"""The bags change hands: from the store to the rider, and back to the store when nobody took them.

A return gives the customer what was charged for the goods and the tip; the delivery fee is kept
when the ride failed at the customer's end, and given back too when it failed at ours.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.delivery import Delivery, DeliveryAction, DeliveryStatus, FailReason
from models.events import Event, EventType
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import CancelReason, OrderLine
from models.payments import RefundReason
from models.stock import StockReason
from services.core.problems import IllegalStep, Problem, Refused
from services.delivery.deliveries import check_code
from services.delivery.delivery_states import Ride, enter, free
from services.events.event_log import order_happened, order_stream
from services.fulfillment import substitution_totals
from services.orders import orders
from services.payments import payments, refunds
from services.stock import movements

NO_SHOW_WAIT_SECONDS = 300
READY = frozenset({FulfillmentStatus.PACKED, FulfillmentStatus.STAGED})
# Failures that the customer answers for.
FEE_KEPT = frozenset({FailReason.NOBODY_HOME, FailReason.WRONG_ADDRESS, FailReason.REFUSED})
# What is damaged goes back to no shelf: it stays sold in the ledger.
UNSALABLE = frozenset({FailReason.DAMAGED})
ARRIVED = kept(
    select(func.max(Event.at)).where(
        Event.stream == bindparam("stream"),
        Event.type == EventType.DELIVERY_AT_CUSTOMER,
        Event.at >= bindparam("placed_at"),
    )
)
PACKED = kept(
    select(OrderLine.product_id, OrderLine.packed_quantity).where(
        OrderLine.order_id == bindparam("order"), OrderLine.packed_quantity > 0
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooEarly(Problem):
    """The customer may still come to the door; `retry_after_seconds` says when that is over."""

    retry_after_seconds: int


async def pick_up(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    handover_code: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """The rider takes the packed bags, by the code that the store tells; its staff needs none.

    Refused: NotFound, IllegalStep (also while the bags are not packed), WrongDeliveryCode.
    """
    ride = await enter(session, actor, delivery_id, DeliveryAction.PICK_UP)
    task = await _task(session, ride)
    if task.status not in READY:
        message = f"The bags are not ready: the store's work is {task.status}."
        path = ["input", "deliveryId"]
        raise Refused(IllegalStep(path=path, message=message, state=task.status, legal=[]))
    check_code(ride, handover_code, task.handover_code, "handover_tries", "handoverCode")
    task.status, task.handed_over_at = FulfillmentStatus.HANDED_OVER, ride.now
    task.version += 1
    delivery = ride.delivery
    delivery.bags, delivery.picked_up_at, delivery.handover_tries = task.bags, ride.now, 0
    _tell_store(session, ride, task, EventType.FULFILLMENT_HANDED_OVER)
    _move(session, ride, DeliveryStatus.PICKED_UP, EventType.DELIVERY_PICKED_UP, device_time)
    await session.flush()
    return delivery


async def fail(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    reason: FailReason,
    device_time: datetime | None = None,
) -> Delivery:
    """Nobody takes the bags at the door: back to the store.

    Refused: NotFound, IllegalStep, TooEarly for NOBODY_HOME within NO_SHOW_WAIT_SECONDS.
    """
    ride = await enter(session, actor, delivery_id, DeliveryAction.FAIL)
    if reason is FailReason.NOBODY_HOME:
        await _waited(session, ride)
    ride.delivery.fail_reason = reason
    failed, returning = DeliveryStatus.ATTEMPT_FAILED, DeliveryStatus.RETURNING
    _move(session, ride, failed, EventType.DELIVERY_ATTEMPT_FAILED, device_time, reason=reason)
    _move(session, ride, returning, EventType.DELIVERY_RETURNING, device_time)
    await session.flush()
    return ride.delivery


async def returned(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    handover_code: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """The bags are back: units to the shelf, order CANCELED as NOT_DELIVERED, money sent back.

    Confirmed by the store's staff, or by the rider with the store's handover code.
    Refused: NotFound, IllegalStep, WrongDeliveryCode.
    """
    ride = await enter(session, actor, delivery_id, DeliveryAction.RETURN)
    task = await _task(session, ride)
    check_code(ride, handover_code, task.handover_code, "handover_tries", "handoverCode")
    await _give_back(session, ride)
    task.status = FulfillmentStatus.RESTOCKED
    task.version += 1
    _move(session, ride, DeliveryStatus.RETURNED, EventType.DELIVERY_RETURNED, device_time)
    await session.flush()
    await free(session, ride.delivery)
    await _restock(session, ride)
    await orders.mark_canceled(session, ride.order, CancelReason.NOT_DELIVERED)
    await session.flush()
    return ride.delivery


async def _waited(session: AsyncSession, ride: Ride) -> None:
    """Refuse to call a door unanswered before the customer had time to come to it."""
    asked = {"stream": order_stream(ride.order.id), "placed_at": ride.order.placed_at}
    arrived = await session.scalar(ARRIVED, asked)
    since = NO_SHOW_WAIT_SECONDS if arrived is None else (ride.now - arrived).total_seconds()
    left = ceil(NO_SHOW_WAIT_SECONDS - since)
    if left > 0:
        message = f"Wait {left} more seconds before you say that nobody is home."
        raise Refused(TooEarly(path=["input", "reason"], message=message, retry_after_seconds=left))


async def _give_back(session: AsyncSession, ride: Ride) -> None:
    """Refund what was captured, less the delivery fee where it is kept."""
    order = ride.order
    paid = await payments.lock(session, order.id)
    if paid.status not in payments.TAKEN:
        await payments.want_void(session, order)
        return
    kept = order.delivery_fee_minor if ride.delivery.fail_reason in FEE_KEPT else 0
    back = min(await refunds.remaining(session, paid), paid.captured_minor - kept)
    if back > 0:
        note = f"Not delivered: {ride.delivery.fail_reason}"
        reason, who = RefundReason.CANCELED, ride.actor.person_id
        await payments.request_refund(session, order, back, reason, note, None, who)


async def _restock(session: AsyncSession, ride: Ride) -> None:
    if ride.delivery.fail_reason in UNSALABLE:
        return
    rows = await session.execute(PACKED, {"order": ride.order.id})
    bag: Counter[UUID] = Counter()
    for product_id, packed in rows:
        bag[product_id] += packed or 0
    bag += await substitution_totals.take_out(session, ride.order)
    await movements.restock(session, ride.order, bag, StockReason.RESTOCK, ride.actor.person_id)


async def _task(session: AsyncSession, ride: Ride) -> Fulfillment:
    key = ride.delivery.fulfillment_id
    return await session.get_one(Fulfillment, key, populate_existing=True)


def _move(
    session: AsyncSession,
    ride: Ride,
    status: DeliveryStatus,
    told: EventType,
    device_time: datetime | None,
    **facts: object,
) -> None:
    ride.delivery.status, ride.delivery.due_at = status, None
    ride.delivery.version += 1
    ride.tell(session, told, device_time=device_time, **facts)


def _tell_store(session: AsyncSession, ride: Ride, task: Fulfillment, told: EventType) -> None:
    facts = {"fulfillment_id": task.id, "fulfillment_status": task.status}
    order_happened(session, ride.order, told, queue=task.store_id, **facts)
