"""Riders, their shifts, and the company staff who manage them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Update,
    Uuid,
    any_,
    bindparam,
    delete,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.accounts import Membership
from models.delivery import Delivery, DeliveryOffer, DeliveryOfferStatus, DeliveryStatus
from models.identity import Actor, Role
from models.riders import Rider, RiderLocation, RiderStatus, VehicleKind
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.core.state_machine import column_values, illegal_step, raise_version
from services.delivery import rider_access
from services.delivery.rider_states import RIDER_MACHINE, rider_companies
from services.events.event_log import record_event, rider_stream

MAX_DELIVERIES_WOKEN = 50
RIDERS_OF_PERSON = prepared(
    select(Rider)
    .where(
        Rider.person_id == bindparam("person"),
        Rider.company_id == any_(bindparam("companies", type_=ARRAY(Uuid))),
    )
    .order_by(Rider.id)
)
# All rows of the person, also of companies that the access token does not name: a shift for one
# company rules out shifts for the others.
LOCK_RIDERS = prepared(
    select(Rider)
    .where(Rider.person_id == bindparam("person"))
    .order_by(Rider.id)
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
LOCK_RIDER_BY_ID = prepared(
    select(Rider)
    .where(Rider.id == bindparam("rider"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
# Asked under the lock of the rider: whoever revokes the role takes that lock first, and an access
# token may be older than the revocation.
HOLDS_ROLE = prepared(
    select(
        exists().where(
            Membership.person_id == bindparam("person"),
            Membership.company_id == bindparam("company"),
            Membership.role == Role.RIDER,
            Membership.revoked_at.is_(None),
        )
    )
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
    .where(DeliveryOffer.status == DeliveryOfferStatus.OFFERED)
    .values(expires_at=func.clock_timestamp())
    .returning(DeliveryOffer.delivery_id)
    .execution_options(synchronize_session=False)
)
DELETE_POSITION = prepared(
    delete(RiderLocation).where(RiderLocation.rider_id == bindparam("rider"))
)


@dataclass(frozen=True, slots=True)
class ViewerRider:
    """The viewer as a rider: of the company of the present shift, and of all their companies."""

    rider: Rider
    riders: list[Rider]

    @property
    def id(self) -> UUID:
        return self.rider.id

    @property
    def live_delivery_id(self) -> UUID | None:
        return self.rider.live_delivery_id


async def viewer_rider(session: AsyncSession, actor: Actor) -> ViewerRider | None:
    """The viewer as a rider, or None for people who are no riders."""
    rows = await own_riders(session, actor)
    return ViewerRider(present_rider(rows), rows) if rows else None


async def own_riders(session: AsyncSession, actor: Actor) -> list[Rider]:
    """The actor as a rider of each company that they ride for."""
    if not (companies := rider_companies(actor)):
        return []
    values = {"person": actor.person_id, "companies": companies}
    return list(await session.scalars(RIDERS_OF_PERSON, values))


async def require_rider(
    session: AsyncSession, actor: Actor, company_id: UUID | None = None
) -> Rider:
    """The actor as a rider of this company, or of that of the present shift.

    Raises DomainError: NotFound.
    """
    return _choose(await own_riders(session, actor), company_id)


def present_rider(riders: Sequence[Rider]) -> Rider:
    """Of one person's rows that of the present shift, otherwise that of the last one."""

    def recency(rider: Rider) -> tuple[bool, bool, datetime]:
        begun = rider.last_shift_at
        return rider.status is RiderStatus.ONLINE, begun is not None, begun or rider.created_at

    return max(riders, key=recency)


def is_online_elsewhere(rider: Rider, riders: Iterable[Rider]) -> bool:
    """Whether the person is on a shift for another company: then they begin none for this one."""
    return any(one.id != rider.id and one.status is RiderStatus.ONLINE for one in riders)


def _choose(riders: Sequence[Rider], company_id: UUID | None) -> Rider:
    riders = [rider for rider in riders if company_id in (None, rider.company_id)]
    if not riders:
        raise not_found(Rider, *(["companyId"] if company_id else []))
    return present_rider(riders)


async def go_online(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID | None = None,
    vehicle: VehicleKind | None = None,
    device_time: datetime | None = None,
) -> Rider:
    """Begin a shift, or change its vehicle; the rider gets offers after their first position.

    Without a company it is the one of the present or the last shift. Deliveries of the company that
    search for a rider search again at once. A shift that goes on as it is keeps the version.
    Raises DomainError: NotFound, InvalidTransition while online for another company.
    """
    rider, rows = await _lock_rider(session, actor, company_id)
    if not await session.scalar(
        HOLDS_ROLE, {"person": rider.person_id, "company": rider.company_id}
    ):
        raise not_found(Rider)
    if is_online_elsewhere(rider, rows):
        message = "You are online for another company: go offline there first."
        raise illegal_step("input", message=message, state=rider.status)
    before = column_values(rider)
    rider.vehicle = vehicle or rider.vehicle
    if rider.status is RiderStatus.OFFLINE:
        RIDER_MACHINE.set_status(rider, RiderStatus.ONLINE)
        rider.online_since = rider.last_shift_at = await current_time(session)
    if raise_version(rider, before):
        _record_shift_change(session, rider, device_time)
    await session.flush()
    await wake_searches(session, rider.company_id)
    return rider


async def go_offline(
    session: AsyncSession, *, actor: Actor, device_time: datetime | None = None
) -> Rider:
    """End a shift; an open offer expires now.

    Raises DomainError: NotFound, InvalidTransition during a delivery.
    """
    rider, _ = await _lock_rider(session, actor)
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
    before = column_values(rider)
    if rider.status is RiderStatus.ONLINE:
        RIDER_MACHINE.set_status(rider, RiderStatus.OFFLINE)
    rider.online_since = None
    if raise_version(rider, before):
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
    if (start := decode_cursor(cursor, Rider.id)) is not None:
        statement = statement.where(Rider.id > start[0])
    riders = (await session.scalars(statement.order_by(Rider.id).limit(first + 1))).all()
    return build_page(riders, first, cursor, lambda rider: (str(rider.id),))


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


async def _lock_rider(
    session: AsyncSession, actor: Actor, company_id: UUID | None = None
) -> tuple[Rider, list[Rider]]:
    """The rider of a company, or of the present shift, and all locked rows of the person."""
    companies = rider_companies(actor)
    rows = list(await session.scalars(LOCK_RIDERS, {"person": actor.person_id}))
    return _choose([row for row in rows if row.company_id in companies], company_id), rows


def _record_shift_change(session: AsyncSession, rider: Rider, device_time: datetime | None) -> None:
    body = {"rider_id": rider.id, "rider_status": rider.status, "device_time": device_time}
    stream = rider_stream(rider.id)
    record_event(session, stream, "SHIFT_CHANGED", body, company_id=rider.company_id)
