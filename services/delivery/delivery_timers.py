"""Does what is due for a delivery: offers, the search, and states that last for too long."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery, DeliveryStatus
from models.events import OrderEventKind
from models.orders import Order
from models.support import TicketCategory
from services.core.clock import current_time
from services.delivery import dispatch, search_escalation
from services.delivery.delivery_records import open_delivery_case, record_change
from services.delivery.delivery_states import lock
from services.delivery.failed_attempts import turn_back
from services.delivery.ride_settings import STATE_TIMERS, WITHOUT_RIDER

OVERDUE_DELIVERIES = (
    select(Delivery.id)
    .where(Delivery.due_at <= func.clock_timestamp())
    .order_by(Delivery.due_at, Delivery.id)
)
"""Deliveries with a passed deadline, the longest overdue first."""


async def order_without_rider(session: AsyncSession, delivery_id: UUID) -> Order | None:
    """The locked order of a delivery whose search has ended without a rider; None before that.

    The caller cancels it. The session must see all companies.
    """
    order, delivery = await lock(session, delivery_id)
    ended = await search_escalation.has_ended(session, delivery, await current_time(session))
    return order if ended else None


async def advance_delivery(session: AsyncSession, delivery_id: UUID) -> bool:
    """Do what is due for a delivery; False when its status changed in the meantime.

    The session must see all companies.
    """
    order, delivery = await lock(session, delivery_id)
    now = await current_time(session)
    if delivery.due_at is None or delivery.due_at > now:
        return False
    if delivery.status is DeliveryStatus.SEARCHING:
        await dispatch.offer_to_next_rider(session, order, delivery, now)
    elif delivery.status is DeliveryStatus.OFFERED:
        await dispatch.expire_offer(session, order, delivery)
    else:
        await _end_timer(session, order, delivery, now)
    await session.flush()
    return True


async def _end_timer(
    session: AsyncSession, order: Order, delivery: Delivery, now: datetime
) -> None:
    """Tell store and support of a state that lasts for too long, and begin its timer anew.

    So they are told again when the case was resolved and the state lasts all the same, and of a
    delivery that still has no rider. After a failed attempt without a decision the way back begins
    instead.
    """
    if delivery.status is DeliveryStatus.ATTEMPT_FAILED:
        await turn_back(session, order, delivery, now)
        return
    if delivery.needs_rider_since is None:
        timer, kind = STATE_TIMERS[delivery.status], TicketCategory.DELIVERY_OVERDUE
        event_type = OrderEventKind.DELIVERY_OVERDUE
    else:
        timer, kind = WITHOUT_RIDER, TicketCategory.RIDER_RELEASED
        event_type = OrderEventKind.DELIVERY_RIDER_RELEASED
    delivery.due_at = now + timedelta(seconds=timer.seconds)
    if await open_delivery_case(session, order, delivery, kind, timer.subject):
        record_change(session, order, delivery, event_type)
