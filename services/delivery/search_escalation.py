"""The rounds of a search for a rider, what happens when it goes on for too long, and its end.

When no rider is left to be asked, the round is over, and the next one begins after a pause, a
longer one after MAX_ROUNDS rounds; a round in which nobody was there to be asked counts too and is
followed by the next after SEARCH_RETRY_SECONDS. The store's queue is told of each round with an
offer, and of the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus
from models.events import OrderEventKind
from models.orders import Order
from models.support import TicketCategory
from models.timers import TIMER_BOUNDS
from services import companies
from services.core.clock import current_time
from services.delivery.delivery_records import open_delivery_case, record_change


@dataclass(frozen=True, slots=True)
class SearchStep:
    """A step of the escalation: the timer of its age of the search, and its event."""

    timer: str
    event_type: OrderEventKind | None = None
    opens_case: bool = False
    offers_cancel: bool = False


# From the first step on, riders are searched for farther away (see `nearest_riders`). The timers
# do not descend, see services/stores/timer_rules.py.
SEARCH_STEPS: Sequence[SearchStep] = (
    SearchStep("search_wider_seconds"),
    SearchStep("search_alert_seconds", OrderEventKind.DELIVERY_NO_RIDER, opens_case=True),
    SearchStep(
        "search_cancel_offer_seconds", OrderEventKind.DELIVERY_CANCEL_OFFERED, offers_cancel=True
    ),
)
MAX_ROUNDS = 3
SEARCH_RETRY_SECONDS = 5
ROUND_PAUSE_SECONDS = 10
SEARCH_BACKOFF_SECONDS = 60
FIRST_STEP_SECONDS = TIMER_BOUNDS["search_wider_seconds"][0]
"""A younger search takes no step, whatever the timers are."""
MAX_SEARCH_RESTARTS = 2
"""So many lost riders let the age of the search begin anew."""
MAX_LOST_RIDERS = 8
"""Before so many riders are lost, each loss leaves time to ask others."""
SEARCH_SHARES = MAX_LOST_RIDERS - MAX_SEARCH_RESTARTS
"""The parts of a whole search: a lost rider costs one at most, and leaves one at least."""
OFFER_OF_ROUND = prepared(
    select(DeliveryOffer.id)
    .where(
        DeliveryOffer.delivery_id == bindparam("delivery"),
        DeliveryOffer.dispatch_round == bindparam("round"),
    )
    .limit(1)
)


async def resume(session: AsyncSession, delivery: Delivery, now: datetime) -> None:
    """Begin to search again for a locked delivery that lost its rider before pickup.

    The age of the search begins anew for the first MAX_SEARCH_RESTARTS riders who are lost; after
    them it goes on, so that a chain of riders who accept and go silent comes to an end. The time
    with a rider is no search: however long it was, it counts as one of SEARCH_SHARES at most. What
    was taken back when a rider accepted (the case, the offer to cancel) is due again by that age.
    """
    delivery.search_step = 0
    delivery.search_restarts = lost = min(delivery.search_restarts + 1, MAX_LOST_RIDERS)
    if lost <= MAX_SEARCH_RESTARTS:
        delivery.search_started_at = now
        return
    end_seconds = (await companies.read_timers(session, delivery.store_id)).search_end_seconds
    whole = timedelta(seconds=end_seconds)
    share = whole / SEARCH_SHARES
    with_rider = now - (delivery.assigned_at or now)
    started_at = (delivery.search_started_at or now) + max(with_rider - share, timedelta())
    if lost < MAX_LOST_RIDERS:
        started_at = max(started_at, now - whole + share)
    delivery.search_started_at = started_at


async def escalate(session: AsyncSession, order: Order, delivery: Delivery, now: datetime) -> bool:
    """Take the steps that a locked, searching delivery has reached since its last ones.

    Returns whether the search has gone on for so long that the order is to be canceled.
    """
    started_at = delivery.search_started_at = delivery.search_started_at or now
    age_seconds = (now - started_at).total_seconds()
    if age_seconds < FIRST_STEP_SECONDS:
        return False
    timers = await companies.read_timers(session, delivery.store_id)
    for step in SEARCH_STEPS[delivery.search_step :]:
        if age_seconds < getattr(timers, step.timer):
            break
        await _take(session, order, delivery, step, now)
    return age_seconds >= timers.search_end_seconds


async def _take(
    session: AsyncSession, order: Order, delivery: Delivery, step: SearchStep, now: datetime
) -> None:
    delivery.search_step += 1
    if step.offers_cancel:
        order.cancel_offered_at = now
        order.version += 1
    if step.event_type is not None:
        record_change(session, order, delivery, step.event_type)
    if step.opens_case:
        subject = "No rider accepts the delivery"
        await open_delivery_case(session, order, delivery, TicketCategory.NO_RIDER, subject)


async def has_ended(session: AsyncSession, delivery: Delivery, now: datetime) -> bool:
    """As the answer of `escalate`, without a step; False for a delivery that does not search."""
    started_at = delivery.search_started_at
    if delivery.status is not DeliveryStatus.SEARCHING or started_at is None:
        return False
    age_seconds = (now - started_at).total_seconds()
    if age_seconds < FIRST_STEP_SECONDS:
        return False
    timers = await companies.read_timers(session, delivery.store_id)
    return age_seconds >= timers.search_end_seconds


async def schedule_round(session: AsyncSession, order: Order, delivery: Delivery) -> None:
    """End the round and schedule the next one."""
    offered = await session.scalar(
        OFFER_OF_ROUND, {"delivery": delivery.id, "round": delivery.dispatch_round}
    )
    exhausted = delivery.dispatch_round >= MAX_ROUNDS
    seconds = SEARCH_RETRY_SECONDS
    if offered is not None:
        seconds = SEARCH_BACKOFF_SECONDS if exhausted else ROUND_PAUSE_SECONDS
    if offered is not None or delivery.dispatch_round == MAX_ROUNDS:
        event_type = OrderEventKind.DELIVERY_SEARCHING
        record_change(
            session, order, delivery, event_type, round=delivery.dispatch_round, exhausted=exhausted
        )
    delivery.dispatch_round += 1
    delivery.due_at = await current_time(session, seconds)
    delivery.version += 1
