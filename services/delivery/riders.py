"""Riders on their shift: online or not, and the company that looks after them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.delivery import (
    Delivery,
    DeliveryOffer,
    DeliveryStatus,
    OfferStatus,
    Rider,
    RiderAction,
    RiderStatus,
    Vehicle,
)
from models.identity import Actor, Role
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import IllegalStep, Refused, not_found
from services.delivery.delivery_states import DESK_ROLES
from services.events.event_log import happened, rider_stream

WAKE_DELIVERIES = 50
_OF_PERSON = select(Rider).where(Rider.person_id == bindparam("person"))
OF_PERSON = kept(_OF_PERSON)
LOCKED = kept(_OF_PERSON.with_for_update(key_share=True).execution_options(populate_existing=True))


def _due_now(*which: ColumnElement[bool]) -> Update:
    """Makes these deliveries due; those that somebody works on are skipped."""
    due = select(Delivery.id).where(*which, Delivery.due_at > func.clock_timestamp())
    return kept(
        update(Delivery)
        .where(Delivery.id.in_(due.limit(WAKE_DELIVERIES).with_for_update(skip_locked=True)))
        .values(due_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


WAKE = _due_now(
    Delivery.company_id == bindparam("company"), Delivery.status == DeliveryStatus.SEARCHING
)
HURRY = _due_now(Delivery.id == bindparam("delivery"), Delivery.status == DeliveryStatus.OFFERED)
RUN_OUT = kept(
    update(DeliveryOffer)
    .where(DeliveryOffer.rider_id == bindparam("rider"))
    .where(DeliveryOffer.status == OfferStatus.OFFERED)
    .values(expires_at=func.clock_timestamp())
    .returning(DeliveryOffer.delivery_id)
    .execution_options(synchronize_session=False)
)


def actions(rider: Rider, actor: Actor) -> list[RiderAction]:
    """What a person can do about this shift: nothing unless it is their own."""
    if not actor.signed_in or rider.person_id != actor.person_id:
        return []
    if rider.status is RiderStatus.OFFLINE:
        return [RiderAction.GO_ONLINE]
    offline = [] if rider.live_delivery_id else [RiderAction.GO_OFFLINE]
    return [*offline, RiderAction.REPORT_LOCATION]


@dataclass(frozen=True, slots=True)
class RiderSelf:
    """The viewer as a rider."""

    rider: Rider

    @property
    def id(self) -> UUID:
        return self.rider.id

    @property
    def live_delivery_id(self) -> UUID | None:
        return self.rider.live_delivery_id


def companies(actor: Actor) -> list[UUID]:
    """The companies that the actor's grants name as a rider, each once."""
    named = (g.company_id for g in actor.grants if g.role is Role.RIDER and g.company_id)
    return list(dict.fromkeys(named))


async def myself(session: AsyncSession, actor: Actor) -> RiderSelf | None:
    """The viewer as a rider, or None for people who ride for nobody."""
    found = await _found(session, actor, OF_PERSON)
    return RiderSelf(found) if found else None


async def mine(session: AsyncSession, actor: Actor) -> Rider:
    """The actor as a rider; refused as not found for people who ride for nobody."""
    found = await _found(session, actor, OF_PERSON)
    if found is None:
        raise not_found(Rider)
    return found


async def _found(session: AsyncSession, actor: Actor, how: Select[Rider]) -> Rider | None:
    if Role.RIDER not in actor.roles:
        return None
    found: Rider | None = await session.scalar(how, {"person": actor.person_id})
    return found if found and found.company_id in companies(actor) else None


async def go_online(
    session: AsyncSession,
    *,
    actor: Actor,
    vehicle: Vehicle | None = None,
    device_time: datetime | None = None,
) -> Rider:
    """Begin to be asked for rides, from the first report on; again changes only the vehicle.

    Deliveries of the company that search for a rider look again at once. Refused: NotFound.
    """
    rider = await _locked(session, actor)
    rider.vehicle = vehicle or rider.vehicle
    if rider.status is RiderStatus.OFFLINE:
        rider.status = RiderStatus.ONLINE
        rider.online_since = await moment(session)
    rider.version += 1
    _tell(session, rider, device_time)
    await session.flush()
    await wake_searches(session, rider.company_id)
    return rider


async def go_offline(
    session: AsyncSession, *, actor: Actor, device_time: datetime | None = None
) -> Rider:
    """End the shift; an open offer runs out by itself. Refused: NotFound, IllegalStep on a ride."""
    rider = await _locked(session, actor)
    if rider.live_delivery_id is not None:
        message = "Bring your delivery to its end first."
        legal: list[str] = [*actions(rider, actor)]
        raise Refused(IllegalStep(path=["input"], message=message, state="RIDING", legal=legal))
    rider.status, rider.online_since = RiderStatus.OFFLINE, None
    rider.version += 1
    _tell(session, rider, device_time)
    # An offer that nobody will accept should not hold the order up: it is due now.
    delivery_id = await session.scalar(RUN_OUT, {"rider": rider.id})
    if delivery_id is not None:
        await session.execute(HURRY, {"delivery": delivery_id})
    return rider


async def wake_searches(session: AsyncSession, company_id: UUID) -> None:
    """Have the company's searching deliveries look for riders now.

    Rows that somebody works on are skipped: their search is going on already.
    """
    await session.execute(WAKE, {"company": company_id})


async def of_company(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID,
    status: RiderStatus | None,
    first: int,
    cursor: str | None,
) -> Page[Rider]:
    """A page of a company's riders for its own people. Refused: NotFound."""
    bounded(first)
    if not _at_desk(actor, company_id):
        raise not_found(Rider, "companyId")
    rows = select(Rider).where(Rider.company_id == company_id)
    if status is not None:
        rows = rows.where(Rider.status == status)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(Rider.id > start[0])
    found = (await session.scalars(rows.order_by(Rider.id).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))


def looks_after(actor: Actor, rider: Rider) -> bool:
    """Whether this person works at a desk of the rider's company."""
    return _at_desk(actor, rider.company_id)


def _at_desk(actor: Actor, company_id: UUID) -> bool:
    return any(
        grant.role in DESK_ROLES and grant.company_id in (None, company_id)
        for grant in actor.grants
    )


async def _locked(session: AsyncSession, actor: Actor) -> Rider:
    found = await _found(session, actor, LOCKED)
    if found is None:
        raise not_found(Rider)
    return found


def _tell(session: AsyncSession, rider: Rider, device_time: datetime | None) -> None:
    body = {"rider_id": rider.id, "rider_status": rider.status, "device_time": device_time}
    stream = rider_stream(rider.person_id)
    happened(session, stream, "SHIFT_CHANGED", body, company_id=rider.company_id)
