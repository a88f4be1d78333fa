"""Riders who send no positions: before pickup they lose the delivery, after it support is told.

Without a delivery their shift ends: a rider who forgets it stays on the list of those online, and
the last place is shown, which is often a home.
A crash of the database deletes the positions, so silence is counted from its start at the earliest.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Interval, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company, timer_seconds
from models.delivery import Delivery
from models.events import OrderEventKind
from models.orders import Order
from models.riders import Rider, RiderLocation, RiderStatus
from models.stores import Store
from models.support import Ticket, TicketCategory, TicketStatus
from services.delivery.deliveries import search_again
from services.delivery.delivery_records import open_delivery_case, record_change
from services.delivery.delivery_states import ASSIGNED_BEFORE_PICKUP, CARRYING_STATUSES, lock
from services.delivery.ride_settings import SETTINGS
from services.delivery.riders import LOCK_RIDER_BY_ID, end_shift
from services.events.event_log import record_event, rider_stream
from services.orders.support_cases import close_case

ASKED, CASE_OPENED = 1, 2


_SEEN_AT: ColumnElement[Any] = func.coalesce(
    RiderLocation.recorded_at, func.pg_postmaster_start_time()
)


def _last_sign(start: Any) -> ColumnElement[Any]:
    return func.greatest(start, _SEEN_AT, type_=DateTime(timezone=True))


_LAST_SIGN = _last_sign(Delivery.assigned_at)
_LAST_SIGN_IN_SHIFT = _last_sign(Rider.online_since)


def _time_before(seconds: int | ColumnElement[int]) -> ColumnElement[Any]:
    time = func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())
    before: ColumnElement[Any] = func.clock_timestamp() - time
    return before


def _silent_for(
    seconds: int | ColumnElement[int], last_sign: ColumnElement[Any] = _LAST_SIGN
) -> ColumnElement[bool]:
    return last_sign < _time_before(seconds)


_SILENCE, _CASE = (
    timer_seconds("rider_silence_seconds"),
    timer_seconds("rider_silence_case_seconds"),
)


_LOSES_DELIVERY = and_(Delivery.status.in_(ASSIGNED_BEFORE_PICKUP), _silent_for(_SILENCE))
_IS_TO_BE_ASKED = and_(Delivery.silence_step < ASKED, _silent_for(_SILENCE))
# While there is a case, or for the same time after somebody resolved it, there is nothing to open.
_HAS_CASE = exists().where(
    Ticket.order_id == Delivery.order_id,
    Ticket.category == TicketCategory.RIDER_SILENT,
    Ticket.internal,
    or_(Ticket.status != TicketStatus.RESOLVED, Ticket.resolved_at > _time_before(_CASE)),
)
_NEEDS_CASE = and_(_silent_for(_CASE), or_(Delivery.silence_step < CASE_OPENED, ~_HAS_CASE))
_IS_BACK = and_(Delivery.silence_step > 0, ~_silent_for(SETTINGS.position_fresh_seconds))
_CARRYING = Delivery.status.in_(CARRYING_STATUSES)


def _deliveries_where(*conditions: ColumnElement[bool]) -> Select[UUID]:
    """Selects deliveries by the silence of their riders, starting from the riders, who are few."""
    return (
        select(Delivery.id)
        .join(Rider, Rider.live_delivery_id == Delivery.id)
        .join(Company, Company.id == Delivery.company_id)
        .join(Store, Store.id == Delivery.store_id)
        .outerjoin(RiderLocation, RiderLocation.rider_id == Rider.id)
        .where(*conditions)
    )


DELIVERIES_OF_SILENT_RIDERS = _deliveries_where(_LOSES_DELIVERY).order_by(
    Delivery.assigned_at, Delivery.id
)
"""Deliveries before pickup whose riders are silent; the oldest assignments come first."""
CARRIERS_TO_CHECK = _deliveries_where(
    _CARRYING, or_(_IS_TO_BE_ASKED, _NEEDS_CASE, _IS_BACK)
).order_by(Delivery.assigned_at, Delivery.id)
"""Deliveries with the bags on the way whose riders are silent, or send positions again."""

_SILENT_SHIFTS = (
    select(Rider.id)
    .outerjoin(RiderLocation, RiderLocation.rider_id == Rider.id)
    .where(
        Rider.status == RiderStatus.ONLINE,
        Rider.live_delivery_id.is_(None),
        _silent_for(SETTINGS.shift_silence_seconds, _LAST_SIGN_IN_SHIFT),
    )
)
SILENT_SHIFTS = _SILENT_SHIFTS.order_by(Rider.online_since, Rider.id)
"""Riders on shift without a delivery who have sent no position for long; the longest first."""
IS_SHOWN: ColumnElement[bool] = or_(
    Rider.live_delivery_id.is_not(None),
    ~_silent_for(SETTINGS.shift_silence_seconds, _SEEN_AT),
)
"""Whether the place of a rider is shown: what is older tells nothing, unless they have a delivery,
whose bags are looked for."""


async def end_silent_shift(session: AsyncSession, rider_id: UUID) -> bool:
    """End the shift of a silent rider without a delivery, and tell the phone; False if not silent.

    The session must see all companies.
    """
    rider = await session.scalar(LOCK_RIDER_BY_ID, {"rider": rider_id})
    is_silent = await session.scalar(_SILENT_SHIFTS.where(Rider.id == rider_id))
    if rider is None or is_silent is None:
        return False
    await end_shift(session, rider)
    return True


async def unassign_silent_rider(session: AsyncSession, delivery_id: UUID) -> bool:
    """Take a delivery from a silent rider and offer it to others; False when not silent.

    The session must see all companies.
    """
    order, delivery = await lock(session, delivery_id)
    if not await _is(session, delivery_id, _LOSES_DELIVERY):
        return False
    await search_again(session, order, delivery, silent=True)
    return True


async def check_carrier(session: AsyncSession, delivery_id: UUID) -> bool:
    """Ask a silent rider for a position, then open a case; forget it when the rider is back.

    A case that was resolved is opened again when the rider stays silent for the same time again.
    False when there is nothing to do. The session must see all companies.
    """
    order, delivery = await lock(session, delivery_id)
    if await _is(session, delivery_id, _CARRYING, _IS_BACK):
        delivery.silence_step = 0
        kind, resolution = TicketCategory.RIDER_SILENT, "The rider reports positions again."
        await close_case(session, order, kind, resolution)
    elif await _is(session, delivery_id, _CARRYING, _NEEDS_CASE):
        await _open_case(session, order, delivery)
    elif await _is(session, delivery_id, _CARRYING, _IS_TO_BE_ASKED):
        _ask(session, delivery)
    else:
        return False
    await session.flush()
    return True


def _ask(session: AsyncSession, delivery: Delivery) -> None:
    """Ask the rider's phone for a position."""
    delivery.silence_step = ASKED
    if delivery.rider_id is not None:
        stream = rider_stream(delivery.rider_id)
        body = {"delivery_id": delivery.id, "delivery_status": delivery.status}
        record_event(session, stream, "POSITION_REQUESTED", body, company_id=delivery.company_id)


async def _open_case(session: AsyncSession, order: Order, delivery: Delivery) -> None:
    if delivery.silence_step < ASKED:
        _ask(session, delivery)
    delivery.silence_step = CASE_OPENED
    record_change(session, order, delivery, OrderEventKind.DELIVERY_RIDER_SILENT)
    kind, subject = TicketCategory.RIDER_SILENT, "The rider has the bags and sends no positions"
    await open_delivery_case(session, order, delivery, kind, subject)


async def _is(session: AsyncSession, delivery_id: UUID, *conditions: ColumnElement[bool]) -> bool:
    statement = _deliveries_where(Delivery.id == delivery_id, *conditions)
    return await session.scalar(statement) is not None
