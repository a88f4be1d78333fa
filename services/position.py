"""Where riders are: the latest report of each, held to what is possible, and what it says of rides.

A report is the most frequent write of the house: two statements, no audit row and no event, unless
the rider's movement takes the delivery a step further.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, isfinite
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models import Actor, Delivery, DeliveryStatus, EventType, Rider, RiderPosition, RiderStatus
from models.point import Point
from services.dispatch import FRESH_SECONDS
from services.point import point
from services.refusal import (
    IllegalStep,
    InvalidInput,
    Problem,
    RateLimited,
    Refused,
    not_found,
)
from services.ride import OVER, locked, tell
from services.rider import actions, companies, wake_searches
from services.road import distance_m, eta_seconds

REPORT_EVERY_SECONDS = 0.25
SPEED_MOST_MPS = 60.0
ACCURACY_MOST_M = 10_000.0
JUMP_FLOOR_SECONDS = 1.0
ARRIVING_SECONDS = 60

# What a rider's movement says of the ride, and what must be true of the way that is left.
MOVES = {
    DeliveryStatus.ASSIGNED: (DeliveryStatus.TO_STORE, EventType.DELIVERY_TO_STORE),
    DeliveryStatus.PICKED_UP: (DeliveryStatus.TO_CUSTOMER, EventType.DELIVERY_TO_CUSTOMER),
    DeliveryStatus.TO_CUSTOMER: (DeliveryStatus.ARRIVING, EventType.DELIVERY_ARRIVING),
}
ONLY_NEAR = frozenset({DeliveryStatus.TO_CUSTOMER})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplausibleJump(Problem):
    """Nobody rides that fast: `speed_mps` would have been needed since the last report."""

    speed_mps: float


@dataclass(frozen=True, slots=True)
class Fix:
    """What a rider's device says about where it is."""

    latitude: float
    longitude: float
    heading_degrees: float | None = None
    speed_mps: float | None = None
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A stored report: the position, and the order whose customer may watch it."""

    position: RiderPosition
    order_id: UUID | None
    delivery_id: UUID | None
    eta_seconds: int | None = None

    @property
    def told(self) -> dict[str, Any]:
        """The lossy value for whoever watches the ride."""
        seen = self.position
        return {
            "delivery_id": str(self.delivery_id),
            "rider_id": str(seen.rider_id),
            "latitude": seen.latitude,
            "longitude": seen.longitude,
            "heading_degrees": seen.heading_degrees,
            "speed_mps": seen.speed_mps,
            "accuracy_m": seen.accuracy_m,
            "seen_at": seen.seen_at.isoformat(),
            "eta_seconds": self.eta_seconds,
        }


async def report(
    session: AsyncSession, *, actor: Actor, fix: Fix, device_time: datetime | None = None
) -> Report:
    """Store where the rider is, by the database's clock, and what that means for the ride.

    Refused: InvalidInput, NotFound, IllegalStep while OFFLINE, RateLimited beyond four reports a
    second, ImplausibleJump beyond 60 m/s since the last one (its stated accuracy allowed for).
    """
    place = _sound(fix)
    rider, delivery, last, now = await _standing(session, actor)
    if rider.status is not RiderStatus.ONLINE:
        message = "Go online first."
        legal: list[str] = [*actions(rider, actor)]
        raise Refused(IllegalStep(path=["input"], message=message, state=rider.status, legal=legal))
    unseen = True
    if last is not None and _since(rider, last):
        _plausible(last, fix, place, (now - last.seen_at).total_seconds())
        unseen = now - last.seen_at > timedelta(seconds=FRESH_SECONDS)
    eta = _eta(rider, delivery, place)
    if delivery is not None and _moves(delivery, eta):
        await _move(session, delivery.id, eta, device_time)
    position = await _store(session, rider, fix, place)
    if delivery is None and unseen:
        await wake_searches(session, rider.company_id)
    if delivery is None:
        return Report(position, None, None)
    return Report(position, delivery.order_id, delivery.id, eta)


async def _standing(
    session: AsyncSession, actor: Actor
) -> tuple[Rider, Delivery | None, RiderPosition | None, datetime]:
    """The rider, the live ride and the last position, in one statement, with its moment."""
    found = await session.execute(
        select(Rider, Delivery, RiderPosition, func.clock_timestamp(type_=DateTime(timezone=True)))
        .outerjoin(Delivery, (Delivery.id == Rider.live_delivery_id) & Delivery.status.not_in(OVER))
        .outerjoin(RiderPosition, RiderPosition.rider_id == Rider.id)
        .where(Rider.person_id == actor.person_id)
    )
    row = found.one_or_none()
    if row is None or row[0].company_id not in companies(actor):
        raise not_found(Rider)
    return row[0], row[1], row[2], row[3]


def _sound(fix: Fix) -> Point:
    """The place of a fix; refused with every value that no device could mean."""
    place = point(fix.latitude, fix.longitude, "input")
    bounds: Mapping[str, tuple[float | None, float]] = {
        "headingDegrees": (fix.heading_degrees, 360.0),
        "speedMps": (fix.speed_mps, SPEED_MOST_MPS),
        "accuracyM": (fix.accuracy_m, ACCURACY_MOST_M),
    }
    reasons = [
        InvalidInput(path=["input", name], message=f"This is from 0 to {most:g}.")
        for name, (value, most) in bounds.items()
        if value is not None and not (isfinite(value) and 0 <= value <= most)
    ]
    if reasons:
        raise Refused(*reasons)
    return place


def _since(rider: Rider, last: RiderPosition) -> bool:
    """Whether a position is of the present shift."""
    return rider.online_since is not None and last.seen_at >= rider.online_since


def _plausible(last: RiderPosition, fix: Fix, place: Point, seconds: float) -> None:
    if seconds < REPORT_EVERY_SECONDS:
        message = f"Report at most every {REPORT_EVERY_SECONDS:g} seconds."
        retry = ceil(REPORT_EVERY_SECONDS)
        raise Refused(RateLimited(path=["input"], message=message, retry_after_seconds=retry))
    apart = distance_m(Point(last.latitude, last.longitude), place)
    apart -= (last.accuracy_m or 0) + (fix.accuracy_m or 0)
    speed = apart / max(seconds, JUMP_FLOOR_SECONDS)
    if speed > SPEED_MOST_MPS:
        message = f"That is {speed:.0f} m/s since the last report; at most 60 is believed."
        path = ["input", "latitude"]
        raise Refused(ImplausibleJump(path=path, message=message, speed_mps=round(speed, 1)))


def _eta(rider: Rider, delivery: Delivery | None, place: Point) -> int | None:
    """Seconds to the door, once the bags are on their way to it."""
    if delivery is None or delivery.picked_up_at is None:
        return None
    door = Point(delivery.latitude, delivery.longitude)
    return eta_seconds(distance_m(place, door), rider.vehicle)


def _moves(delivery: Delivery, eta: int | None) -> bool:
    """Whether this report takes the ride a step further."""
    if delivery.status not in MOVES:
        return False
    near = eta is not None and eta <= ARRIVING_SECONDS
    return near or delivery.status not in ONLY_NEAR


async def _move(
    session: AsyncSession, delivery_id: UUID, eta: int | None, device_time: datetime | None
) -> None:
    """Take the step under the order's lock, if it is still to be taken."""
    order, delivery = await locked(session, delivery_id)
    if not _moves(delivery, eta):
        return
    delivery.status, told = MOVES[delivery.status]
    delivery.version += 1
    tell(session, order, delivery, told, eta_seconds=eta, device_time=device_time)
    await session.flush()


async def _store(session: AsyncSession, rider: Rider, fix: Fix, place: Point) -> RiderPosition:
    new = insert(RiderPosition).values(
        rider_id=rider.id,
        person_id=rider.person_id,
        company_id=rider.company_id,
        latitude=place.latitude,
        longitude=place.longitude,
        heading_degrees=fix.heading_degrees,
        speed_mps=fix.speed_mps,
        accuracy_m=fix.accuracy_m,
        seen_at=func.clock_timestamp(),
    )
    kept = ("latitude", "longitude", "heading_degrees", "speed_mps", "accuracy_m", "seen_at")
    stored = await session.execute(
        new.on_conflict_do_update(
            index_elements=[RiderPosition.rider_id],
            set_={name: new.excluded[name] for name in kept},
        )
        .returning(RiderPosition)
        .execution_options(populate_existing=True)
    )
    return stored.scalar_one()
