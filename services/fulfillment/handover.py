"""Hands bags from the store to the rider, and back to the store after a failed delivery.

A return refunds the goods and the tip. The delivery fee is kept when the customer caused the
failure, and refunded otherwise.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery, DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentStatus,
    PutBackReason,
)
from models.identity import Actor
from models.message_text import words_text
from models.orders import OrderCancelReason
from services.core.state_machine import illegal_step
from services.delivery.deliveries import end_assignment
from services.delivery.delivery_codes import check_code
from services.delivery.delivery_parties import is_store_staff
from services.delivery.delivery_records import LockedDelivery
from services.delivery.delivery_states import begin, change_status
from services.delivery.rider_distance import require_at_store
from services.delivery.step_overrides import StepOverride, store_override
from services.events.event_log import record_order_event
from services.fulfillment.fulfillment_states import COLLECT, MACHINE, load_task
from services.fulfillment.put_back import open_put_back
from services.fulfillment.waiting_bags import end_waiting
from services.orders import order_states
from services.orders.payment_cover import require_secured
from services.payments import payments


@dataclass(frozen=True, slots=True)
class HandoverState:
    """What a handover depends on besides its own row: the store's work, and the payment."""

    fulfillment_status: FulfillmentStatus
    is_secured: bool

    @property
    def blocked_ride_actions(self) -> frozenset[DeliveryAction]:
        """What nobody can do with the ride now."""
        if not self.is_secured:
            return frozenset({DeliveryAction.PICK_UP, DeliveryAction.COMPLETE})
        staged = self.fulfillment_status is FulfillmentStatus.STAGED
        return frozenset() if staged else frozenset({DeliveryAction.PICK_UP})

    @property
    def blocked_store_actions(self) -> frozenset[FulfillmentAction]:
        """What nobody can do with the fulfillment now."""
        return frozenset() if self.is_secured else frozenset({COLLECT})


async def pick_up(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    handover_code: str | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Hand the packed bags to the rider: riders need the store's handover code, its staff does not.

    Raises DomainError: NotFound, InvalidTransition (also while the bags are not staged, or the
    payment has to be confirmed again), InvalidHandoverCode.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.PICK_UP)
    fulfillment = await _fulfillment_of(session, locked)
    if fulfillment.status is not FulfillmentStatus.STAGED:
        message = f"The bags are not ready: the store's work is {words_text(fulfillment.status)}."
        raise illegal_step("input", "deliveryId", message=message, state=fulfillment.status)
    await require_secured(session, locked.order, "input", "deliveryId")
    check_code(locked, handover_code, fulfillment.handover_code, "handover_tries", "handoverCode")
    await end_waiting(session, locked.order, fulfillment, "The rider has the bags.")
    MACHINE.move(fulfillment, FulfillmentStatus.HANDED_OVER)
    fulfillment.handed_over_at = locked.now
    delivery = locked.delivery
    delivery.bag_count, delivery.picked_up_at, delivery.handover_tries = (
        fulfillment.bag_count,
        locked.now,
        0,
    )
    _record_handover(session, locked, fulfillment, OrderEventKind.FULFILLMENT_HANDED_OVER)
    _change_status(
        session, locked, DeliveryStatus.PICKED_UP, OrderEventKind.DELIVERY_PICKED_UP, device_time
    )
    await session.flush()
    return delivery


async def complete_return(
    session: AsyncSession,
    *,
    actor: Actor,
    delivery_id: UUID,
    return_code: str | None = None,
    override: StepOverride | None = None,
    device_time: datetime | None = None,
) -> Delivery:
    """Take the bags back: cancel the order, refund the payment, open the put-back.

    Confirmed by the store's staff, by the rider at the store with the return code that the store
    sees, or by support with a reason. The store counts what came back before the stock changes.
    Raises DomainError: NotFound, InvalidTransition, InvalidHandoverCode, InvalidInput, TooFar,
    ProofMissing.
    """
    locked = await begin(session, actor, delivery_id, DeliveryAction.RETURN)
    facts: dict[str, object] = {}
    if override is not None or not is_store_staff(locked.delivery, actor):
        facts = store_override(locked, override)
    await require_at_store(session, locked, strict=True)
    check_code(locked, return_code, locked.delivery.return_code or "", "return_tries", "returnCode")
    fulfillment = await _fulfillment_of(session, locked)
    await _refund(session, locked)
    MACHINE.move(fulfillment, FulfillmentStatus.CANCELED)
    event_type = OrderEventKind.DELIVERY_RETURNED
    _change_status(session, locked, DeliveryStatus.RETURNED, event_type, device_time, **facts)
    locked.delivery.return_code = locked.delivery.needs_rider_since = None
    await session.flush()
    await end_assignment(session, locked, "The bags are back at the store.")
    task = await load_task(session, locked.order, fulfillment.id)
    await open_put_back(session, task, PutBackReason.DELIVERY_RETURNED)
    unpaid = locked.delivery.failure_reason is DeliveryFailureReason.PAYMENT_LOST
    reason = OrderCancelReason.PAYMENT_LOST if unpaid else OrderCancelReason.DELIVERY_FAILED
    await order_states.mark_canceled(session, locked.order, reason)
    await session.flush()
    return locked.delivery


async def _refund(session: AsyncSession, locked: LockedDelivery) -> None:
    """Refund the captured amount, less the delivery fee where it is kept."""
    order = locked.order
    kept_minor = order.delivery_fee_minor if locked.delivery.fee_kept else 0
    note = f"Not delivered: {words_text(locked.delivery.failure_reason or '')}"
    await payments.request_void(session, order, kept_minor, note, locked.actor.person_id)


async def _fulfillment_of(session: AsyncSession, locked: LockedDelivery) -> Fulfillment:
    fulfillment_id = locked.delivery.fulfillment_id
    return await session.get_one(Fulfillment, fulfillment_id, populate_existing=True)


def _change_status(
    session: AsyncSession,
    locked: LockedDelivery,
    status: DeliveryStatus,
    event_type: OrderEventKind,
    device_time: datetime | None,
    **facts: object,
) -> None:
    change_status(locked.delivery, status, locked.now)
    locked.record_change(session, event_type, device_time=device_time, **facts)


def _record_handover(
    session: AsyncSession,
    locked: LockedDelivery,
    fulfillment: Fulfillment,
    event_type: OrderEventKind,
) -> None:
    facts = {"fulfillment_id": fulfillment.id, "fulfillment_status": fulfillment.status}
    record_order_event(
        session, locked.order, event_type, queue_store_id=fulfillment.store_id, **facts
    )
