"""Riders, their shifts, and the company staff who manage them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, bindparam, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus, OfferStatus
from models.identity import Actor, Role
from models.riders import Rider, RiderPosition, RiderStatus, Vehicle
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.state_machine import illegal_step
from services.delivery import rider_access
from services.delivery.rider_states import RIDER_MACHINE
from services.events.event_log import record_event, rider_stream

MAX_DELIVERIES_WOKEN = 50
_OF_PERSON = select(Rider).where(Rider.person_id == bindparam("person"))
RIDER_OF_PERSON = prepared(_OF_PERSON)
LOCK_RIDER = prepared(
    _OF_PERSON.with_for_update(key_share=True).execution_options(populate_existing=True)
)


def _make_due(*conditions: ColumnElement[bool]) -> Update:
    """Makes these deliveries due now; rows that are locked by others are skipped."""
    due = select(Delivery.id).where(*conditions, Delivery.due_at > func.clock_timestamp())
    return prepared(
        update(Delivery)
        .where(Delivery.id.in_(due.limit(MAX_DELIVERIES_WOKEN).with_for_update(skip_locked=True)))
        .values(due_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


MAKE_SEARCHES_DUE = _make_due(
    Delivery.company_id == bindparam("company"), Delivery.status == DeliveryStatus.SEARCHING
)
MAKE_OFFER_DUE = _make_due(
    Delivery.id == bindparam("delivery"), Delivery.status == DeliveryStatus.OFFERED
)
EXPIRE_OPEN_OFFER = prepared(
    update(DeliveryOffer)
    .where(DeliveryOffer.rider_id == bindparam("rider"))
    .where(DeliveryOffer.status == OfferStatus.OFFERED)
    .values(expires_at=func.clock_timestamp())
    .returning(DeliveryOffer.delivery_id)
    .execution_options(synchronize_session=False)
)
DELETE_POSITION = prepared(
    delete(RiderPosition).where(RiderPosition.rider_id == bindparam("rider"))
)


@dataclass(frozen=True, slots=True)
class ViewerRider:
    """The viewer as a rider."""

    rider: Rider

    @property
    def id(self) -> UUID:
        return self.rider.id

    @property
    def live_delivery_id(self) -> UUID | None:
        return self.rider.live_delivery_id


def rider_companies(actor: Actor) -> list[UUID]:
    """The companies of the actor's rider grants, each once."""
    company_ids = (
        grant.company_id for grant in actor.grants if grant.role is Role.RIDER and grant.company_id
    )
    return list(dict.fromkeys(company_ids))


async def viewer_rider(session: AsyncSession, actor: Actor) -> ViewerRider | None:
    """The viewer as a rider, or None for people who are no riders."""
    rider = await _read_rider(session, actor, RIDER_OF_PERSON)
    return ViewerRider(rider) if rider else None


async def require_rider(session: AsyncSession, actor: Actor) -> Rider:
    """The actor as a rider. Raises DomainError: NotFound for people who are no riders."""
    rider = await _read_rider(session, actor, RIDER_OF_PERSON)
    if rider is None:
        raise not_found(Rider)
    return rider


async def _read_rider(
    session: AsyncSession, actor: Actor, statement: Select[Rider]
) -> Rider | None:
    if Role.RIDER not in actor.roles:
        return None
    rider: Rider | None = await session.scalar(statement, {"person": actor.person_id})
    return rider if rider and rider.company_id in rider_companies(actor) else None


async def go_online(
    session: AsyncSession,
    *,
    actor: Actor,
    vehicle: Vehicle | None = None,
    device_time: datetime | None = None,
) -> Rider:
    """Begin a shift, or change its vehicle; the rider gets offers after their first position.

    Deliveries of the company that search for a rider search again at once.
    Raises DomainError: NotFound.
    """
    rider = await _lock_rider(session, actor)
    rider.vehicle = vehicle or rider.vehicle
    if rider.status is RiderStatus.OFFLINE:
        RIDER_MACHINE.set_status(rider, RiderStatus.ONLINE)
        rider.online_since = await current_time(session)
    rider.version += 1
    _record_shift_change(session, rider, device_time)
    await session.flush()
    await wake_searches(session, rider.company_id)
    return rider


async def go_offline(
    session: AsyncSession, *, actor: Actor, device_time: datetime | None = None
) -> Rider:
    """End a shift; an open offer expires now.

    Raises DomainError: NotFound, IllegalStep during a delivery.
    """
    rider = await _lock_rider(session, actor)
    if rider.live_delivery_id is not None:
        message = "Bring your delivery to its end first."
        legal = RIDER_MACHINE.available_actions(rider, actor)
        raise illegal_step("input", message=message, state=rider.status, legal=legal)
    await end_shift(session, rider, device_time)
    return rider


async def end_shift(
    session: AsyncSession, rider: Rider, device_time: datetime | None = None
) -> None:
    """Take a locked rider offline: nobody sees their position any more."""
    if rider.status is RiderStatus.ONLINE:
        RIDER_MACHINE.set_status(rider, RiderStatus.OFFLINE)
    rider.online_since = None
    rider.version += 1
    _record_shift_change(session, rider, device_time)
    await session.flush()
    await session.execute(DELETE_POSITION, {"rider": rider.id})
    await expire_open_offer(session, rider)


async def expire_open_offer(session: AsyncSession, rider: Rider) -> None:
    """End the open offer of a rider who will not accept it, so that it does not delay the order."""
    delivery_id = await session.scalar(EXPIRE_OPEN_OFFER, {"rider": rider.id})
    if delivery_id is not None:
        await session.execute(MAKE_OFFER_DUE, {"delivery": delivery_id})


async def wake_searches(session: AsyncSession, company_id: UUID) -> None:
    """Make the company's searching deliveries search for riders now.

    Locked rows are skipped: their search is in progress.
    """
    await session.execute(MAKE_SEARCHES_DUE, {"company": company_id})


async def list_of_company(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    status: RiderStatus | None,
    first: int,
    cursor: str | None,
) -> Page[Rider]:
    """A page of a company's riders: all for who manages them, for the staff of a store those on one
    of its deliveries.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    visible = _visible_riders(actor, company_id)
    if visible is None:
        raise not_found(Rider, "companyId")
    statement = select(Rider).where(Rider.company_id == company_id, visible)
    if status is not None:
        statement = statement.where(Rider.status == status)
    if (start := decode_cursor(cursor, UUID)) is not None:
        statement = statement.where(Rider.id > start[0])
    riders = (await session.scalars(statement.order_by(Rider.id).limit(first + 1))).all()
    return build_page(riders, first, lambda rider: (str(rider.id),))


def _visible_riders(actor: Actor, company_id: UUID) -> ColumnElement[bool] | None:
    """The condition for the riders that the actor sees; None for people who see none."""
    if rider_access.manages_riders(actor, company_id):
        return true()
    if not (stores := rider_access.staffed_stores(actor, company_id)):
        return None
    on_delivery = select(Delivery.id).where(
        Delivery.id == Rider.live_delivery_id, Delivery.store_id.in_(stores)
    )
    return on_delivery.exists()


async def _lock_rider(session: AsyncSession, actor: Actor) -> Rider:
    rider = await _read_rider(session, actor, LOCK_RIDER)
    if rider is None:
        raise not_found(Rider)
    return rider


def _record_shift_change(session: AsyncSession, rider: Rider, device_time: datetime | None) -> None:
    body = {"rider_id": rider.id, "rider_status": rider.status, "device_time": device_time}
    stream = rider_stream(rider.person_id)
    record_event(session, stream, "SHIFT_CHANGED", body, company_id=rider.company_id)
