"""Where riders are: the latest report of each, held to what is possible, and what it says of rides.

A report is the most frequent write of the house. Reports that come together are read and stored by
two statements, however many they are; no audit row and no event, unless the rider's movement takes
the delivery a step further.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.delivery import DeliveryStatus, Rider, RiderAction, RiderStatus
from models.events import EventType
from models.identity import Actor
from services.core.problems import IllegalStep, Refused, not_found
from services.core.request_batcher import Together
from services.delivery import rider_positions
from services.delivery.delivery_states import locked, tell
from services.delivery.nearest_riders import FRESH_SECONDS
from services.delivery.position_results import Report, Reported
from services.delivery.position_validation import (
    Judged,
    judged,
    refusal_of,
    sound,
    sound_all,
    too_often,
)
from services.delivery.rider_positions import Fix, Standing
from services.delivery.riders import companies, wake_searches
from services.delivery.tracks import Tracks
from services.routing.distances import distance_m, eta_seconds
from services.routing.track_codec import Seen

ARRIVING_SECONDS = 60
BATCH_REPORTS = 1_000
QUEUE_REPORTS = 5_000
GATHER_SECONDS = 0.06  # no map shows the difference; a trip for each report would cost more
WORKERS = 1  # one at a time: while it writes, the next batch gathers
ORIGIN = Origin("position")

# What a rider's movement says of the ride, and what must be true of the way that is left.
MOVES = {
    DeliveryStatus.ASSIGNED: (DeliveryStatus.TO_STORE, EventType.DELIVERY_TO_STORE),
    DeliveryStatus.PICKED_UP: (DeliveryStatus.TO_CUSTOMER, EventType.DELIVERY_TO_CUSTOMER),
    DeliveryStatus.TO_CUSTOMER: (DeliveryStatus.ARRIVING, EventType.DELIVERY_ARRIVING),
}
ONLY_NEAR = frozenset({DeliveryStatus.TO_CUSTOMER})


Asked = tuple[Actor, Sequence[Fix]]


class Positions(Together[Asked, "Reported | Refused"]):
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
        self.tracks = Tracks(database)

    def start(self) -> None:
        super().start()
        self.tracks.start()

    async def close(self) -> None:
        await super().close()
        await self.tracks.close()

    async def _stored(self, batch: Sequence[Asked]) -> list[Reported | Refused]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            answers, sightings = await _answers(session, batch)
        for one, points in sightings:
            _follow(self.tracks, one, points)
        return answers


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
    done = await _asked(doors, actor, [sound(fix, "input")])
    if done.report is None:
        raise Refused(refusal_of(done.ignored[0]))
    await _followed(doors, actor, origin, done.report, device_time)
    return done.report


async def report_many(
    doors: Doors, *, actor: Actor, origin: Origin, fixes: Sequence[Fix]
) -> Reported:
    """Store the newest of up to 100 points, oldest first; all that are believed are of the track.

    A point is ignored, with its reason, where one alone would be refused. Refused as a whole:
    InvalidInput, NotFound, IllegalStep while OFFLINE, RateLimited when two come at once.
    """
    done = await _asked(doors, actor, sound_all(fixes, "points"))
    if done.report is not None:
        await _followed(doors, actor, origin, done.report, None)
    return done


async def _asked(doors: Doors, actor: Actor, fixes: Sequence[Fix]) -> Reported:
    done = await doors.positions.ask((actor, fixes))
    if isinstance(done, Refused):
        raise done
    return done


async def _followed(
    doors: Doors, actor: Actor, origin: Origin, done: Report, device_time: datetime | None
) -> None:
    """Take the step that a stored report leads to, if it leads to one."""
    company_id = done.rider.company_id
    scope = actor.scope().with_company(company_id)
    if done.moves and done.delivery_id is not None:
        async with doors.database.write(scope, origin) as session:
            await _move(session, done.delivery_id, done.eta_seconds, device_time)
    elif done.returns:
        async with doors.database.write(scope, origin) as session:
            await wake_searches(session, company_id)


async def _answers(
    session: AsyncSession, batch: Sequence[Asked]
) -> tuple[list[Reported | Refused], list[tuple[Standing, Judged]]]:
    """Judge each report by how its rider stands, and store those that are sound."""
    people = {actor.person_id for actor, _ in batch if actor.person_id is not None}
    known = await rider_positions.standing(session, list(people))
    answers: list[Reported | Refused] = []
    sightings: dict[UUID, tuple[Standing, Judged]] = {}
    for actor, fixes in batch:
        try:
            one = _on_duty(known, actor)
            if one.rider_id in sightings:
                raise Refused(too_often())
        except Refused as refused:
            answers.append(refused)
            continue
        found = judged(one, fixes)
        if found.believed:
            sightings[one.rider_id] = one, found
        answers.append(_reported(one, found))
    if sightings:
        newest = [(one, *found.believed[-1]) for one, found in sightings.values()]
        await rider_positions.store(session, newest)
    return answers, list(sightings.values())


def _follow(tracks: Tracks, one: Standing, found: Judged) -> None:
    """Add to the track of a rider's delivery what was seen since they took it."""
    way = one.way
    if way is None:
        return
    points = [Seen(at, fix.place) for fix, at in found.believed if at >= way.since]
    tracks.add(way.delivery_id, one.company_id, points)


def _on_duty(known: Mapping[UUID, Standing], actor: Actor) -> Standing:
    """How the rider stands; refused for whoever does not ride here now."""
    one = known.get(actor.person_id) if actor.person_id is not None else None
    if one is None or one.company_id not in companies(actor):
        raise not_found(Rider)
    if one.status is not RiderStatus.ONLINE:
        legal: list[str] = [RiderAction.GO_ONLINE]
        message = "Go online first."
        raise Refused(IllegalStep(path=["input"], message=message, state=one.status, legal=legal))
    return one


def _reported(one: Standing, found: Judged) -> Reported:
    if not found.believed:
        return Reported(None, 0, found.ignored)
    fix, at = found.believed[-1]
    return Reported(_report(one, fix, at), len(found.believed), found.ignored)


def _report(one: Standing, fix: Fix, at: datetime) -> Report:
    """What the newest point says; only one that is fresh speaks of the ride as it is now."""
    fresh = timedelta(seconds=FRESH_SECONDS)
    way = one.way
    if way is None:
        unseen = one.last_seen_at is None or one.now - one.last_seen_at > fresh
        return Report(one, fix, at, returns=unseen and one.now - at <= fresh)
    eta = eta_seconds(distance_m(fix.place, way.door), one.vehicle) if way.picked_up else None
    moves = one.now - at <= fresh and _moves(way.status, eta)
    return Report(one, fix, at, way.order_id, way.delivery_id, eta, moves=moves)


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
