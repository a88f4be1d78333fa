"""Where riders are: the latest report of each, held to what is possible, and what it says of rides.

A report is the most frequent write of the house. Reports that come together are read and stored by
two statements, however many they are; no audit row and no event, unless the rider's movement takes
the delivery a step further.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, isfinite
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    PLATFORM,
    Actor,
    DeliveryStatus,
    EventType,
    Rider,
    RiderAction,
    RiderPosition,
    RiderStatus,
)
from models.database import Database, Origin
from services import sighting
from services.nearest import FRESH_SECONDS
from services.point import point
from services.refusal import (
    IllegalStep,
    InvalidInput,
    Problem,
    RateLimited,
    Refused,
    not_found,
)
from services.ride import locked, tell
from services.rider import companies, wake_searches
from services.road import distance_m, eta_seconds
from services.sighting import Fix, Standing
from services.together import Together

__all__ = ["Fix", "ImplausibleJump", "Positions", "Report", "report"]

REPORT_EVERY_SECONDS = 0.25
SPEED_MOST_MPS = 60.0
ACCURACY_MOST_M = 10_000.0
JUMP_FLOOR_SECONDS = 1.0
ARRIVING_SECONDS = 60
BATCH_REPORTS = 256
QUEUE_REPORTS = 5_000
GATHER_SECONDS = 0.04  # no map shows the difference; a trip for each report would cost more
WORKERS = 1  # one at a time: while it writes, the next batch gathers
ORIGIN = Origin("position")

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
class Report:
    """A stored report: the position, and the order whose customer may watch it."""

    position: RiderPosition
    order_id: UUID | None = None
    delivery_id: UUID | None = None
    eta_seconds: int | None = None
    moves: bool = False
    returns: bool = False
    """The rider was not to be seen, is free, and may be asked again."""

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


Asked = tuple[Actor, Fix]


class Positions(Together[Asked, "Report | Refused"]):
    """The one door to reports of a process. Start it in a running loop, close it at the end."""

    def __init__(self, database: Database) -> None:
        super().__init__(
            "positions",
            self._stored,
            batch_requests=BATCH_REPORTS,
            queue_requests=QUEUE_REPORTS,
            workers=WORKERS,
            gather_seconds=GATHER_SECONDS,
        )
        self._database = database

    async def _stored(self, batch: Sequence[Asked]) -> list[Report | Refused]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            return await _answers(session, batch)


class Doors(Protocol):
    """The handles of the process that a report needs."""

    @property
    def database(self) -> Database: ...
    @property
    def positions(self) -> Positions: ...


async def report(
    doors: Doors, *, actor: Actor, origin: Origin, fix: Fix, device_time: datetime | None = None
) -> Report:
    """Store where the rider is, by the database's clock, and what that means for the ride.

    Refused: InvalidInput, NotFound, IllegalStep while OFFLINE, RateLimited beyond four reports a
    second, ImplausibleJump beyond 60 m/s since the last one (its stated accuracy allowed for).
    """
    done = await doors.positions.ask((actor, _sound(fix)))
    if isinstance(done, Refused):
        raise done
    company_id = done.position.company_id
    scope = actor.scope().with_company(company_id)
    if done.moves and done.delivery_id is not None:
        async with doors.database.write(scope, origin) as session:
            await _move(session, done.delivery_id, done.eta_seconds, device_time)
    elif done.returns:
        async with doors.database.write(scope, origin) as session:
            await wake_searches(session, company_id)
    return done


def _sound(fix: Fix) -> Fix:
    """The fix; refused with every value that no device could mean."""
    point(fix.latitude, fix.longitude, "input")
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
    return fix


async def _answers(session: AsyncSession, batch: Sequence[Asked]) -> list[Report | Refused]:
    """Judge each report by how its rider stands, and store those that are sound."""
    people = {actor.person_id for actor, _ in batch if actor.person_id is not None}
    known = await sighting.standing(session, list(people))
    answers: list[Report | Refused] = []
    stored: dict[UUID, tuple[Standing, Fix]] = {}
    for actor, fix in batch:
        try:
            one = _judged(known, actor, fix, stored)
        except Refused as refused:
            answers.append(refused)
            continue
        stored[one.rider_id] = (one, fix)
        answers.append(_report(one, fix))
    if stored:
        moments = await sighting.store(session, list(stored.values()))
        for answer in answers:
            if isinstance(answer, Report):
                answer.position.seen_at = moments[answer.position.rider_id]
    return answers


def _judged(
    known: Mapping[UUID, Standing], actor: Actor, fix: Fix, stored: Mapping[UUID, Any]
) -> Standing:
    """How the rider stands; refused when the report can't be true or comes again too soon."""
    one = known.get(actor.person_id) if actor.person_id is not None else None
    if one is None or one.company_id not in companies(actor):
        raise not_found(Rider)
    if one.status is not RiderStatus.ONLINE:
        legal: list[str] = [RiderAction.GO_ONLINE]
        message = "Go online first."
        raise Refused(IllegalStep(path=["input"], message=message, state=one.status, legal=legal))
    if one.rider_id in stored:
        raise Refused(_too_often())
    if one.last is not None and one.last_seen_at is not None:
        _plausible(one.last, fix, (one.now - one.last_seen_at).total_seconds())
    return one


def _plausible(last: Fix, fix: Fix, seconds: float) -> None:
    if seconds < REPORT_EVERY_SECONDS:
        raise Refused(_too_often())
    apart = distance_m(last.place, fix.place)
    apart -= (last.accuracy_m or 0) + (fix.accuracy_m or 0)
    speed = apart / max(seconds, JUMP_FLOOR_SECONDS)
    if speed > SPEED_MOST_MPS:
        message = f"That is {speed:.0f} m/s since the last report; at most 60 is believed."
        path = ["input", "latitude"]
        raise Refused(ImplausibleJump(path=path, message=message, speed_mps=round(speed, 1)))


def _too_often() -> RateLimited:
    message = f"Report at most every {REPORT_EVERY_SECONDS:g} seconds."
    retry = ceil(REPORT_EVERY_SECONDS)
    return RateLimited(path=["input"], message=message, retry_after_seconds=retry)


def _report(one: Standing, fix: Fix) -> Report:
    """What a sound report will say; its moment is set by the write."""
    place: dict[str, Any] = {name: getattr(fix, name) for name in Fix.__dataclass_fields__}
    position = RiderPosition(
        rider_id=one.rider_id,
        person_id=one.person_id,
        company_id=one.company_id,
        seen_at=one.now,
        **place,
    )
    way = one.way
    if way is None:
        fresh = timedelta(seconds=FRESH_SECONDS)
        unseen = one.last_seen_at is None or one.now - one.last_seen_at > fresh
        return Report(position, returns=unseen)
    eta = eta_seconds(distance_m(fix.place, way.door), one.vehicle) if way.picked_up else None
    return Report(position, way.order_id, way.delivery_id, eta, moves=_moves(way.status, eta))


def _moves(status: DeliveryStatus, eta: int | None) -> bool:
    """Whether this report takes a ride in this state a step further."""
    near = eta is not None and eta <= ARRIVING_SECONDS
    return status in MOVES and (near or status not in ONLY_NEAR)


async def _move(
    session: AsyncSession, delivery_id: UUID, eta: int | None, device_time: datetime | None
) -> None:
    """Take the step under the order's lock, if it is still to be taken."""
    order, delivery = await locked(session, delivery_id)
    if not _moves(delivery.status, eta):
        return
    delivery.status, told = MOVES[delivery.status]
    delivery.version += 1
    tell(session, order, delivery, told, eta_seconds=eta, device_time=device_time)
    await session.flush()
