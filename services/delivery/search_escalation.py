"""A search for a rider that goes on for too long: what happens, and when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery, DeliveryStatus
from models.events import EventType
from models.orders import Order
from models.support import TicketKind
from services.delivery.delivery_cases import open_delivery_case
from services.delivery.delivery_states import record_change
from services.delivery.ride_settings import SETTINGS


@dataclass(frozen=True, slots=True)
class SearchStep:
    """A step of the escalation: its time since the start of the search, and its event."""

    after_seconds: int
    event_type: EventType | None = None
    opens_case: bool = False
    offers_cancel: bool = False


# From the first step on, riders are searched for farther away (see `nearest_riders`).
SEARCH_STEPS: Sequence[SearchStep] = (
    SearchStep(SETTINGS.search_wider_seconds),
    SearchStep(SETTINGS.search_alert_seconds, EventType.DELIVERY_NO_RIDER, opens_case=True),
    SearchStep(
        SETTINGS.search_offer_cancel_seconds,
        EventType.DELIVERY_CANCEL_OFFERED,
        offers_cancel=True,
    ),
)


MAX_SEARCH_RESTARTS = 2


def resume(delivery: Delivery, now: datetime) -> None:
    """Begin to search again for a locked delivery that lost its rider before pickup.

    The age of the search begins anew for the first MAX_SEARCH_RESTARTS riders who are lost; after
    them it goes on, so that a chain of riders who accept and go silent comes to an end. What was
    taken back when a rider accepted (the case, the offer to cancel) is due again by that age.
    """
    delivery.search_step = 0
    if delivery.search_restarts < MAX_SEARCH_RESTARTS:
        delivery.search_restarts += 1
        delivery.search_started_at = now


async def escalate(session: AsyncSession, order: Order, delivery: Delivery, now: datetime) -> None:
    """Take the steps that a locked, searching delivery has reached since its last ones."""
    started_at = delivery.search_started_at = delivery.search_started_at or now
    for step in SEARCH_STEPS[delivery.search_step :]:
        if now < started_at + timedelta(seconds=step.after_seconds):
            return
        delivery.search_step += 1
        if step.offers_cancel:
            order.cancel_offered_at = now
            order.version += 1
        if step.event_type is not None:
            record_change(session, order, delivery, step.event_type)
        if step.opens_case:
            subject = "No rider accepts the delivery"
            await open_delivery_case(session, order, delivery, TicketKind.NO_RIDER, subject)


def has_ended(delivery: Delivery, now: datetime) -> bool:
    """Whether the search has gone on for so long that the order is to be canceled."""
    if delivery.status is not DeliveryStatus.SEARCHING or SETTINGS.search_end_seconds is None:
        return False
    started_at = delivery.search_started_at
    return started_at is not None and now >= started_at + timedelta(
        seconds=SETTINGS.search_end_seconds
    )
