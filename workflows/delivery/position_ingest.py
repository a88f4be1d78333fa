"""Takes in rider positions: validates them, stores the newest of each rider, advances deliveries.

Position reports are the most frequent write. Reports that arrive together are read and stored by
two statements in all. There is no audit row and no event, unless the movement of the rider changes
the status of the delivery.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor
from models.riders import Rider, RiderAction, RiderStatus
from services.core.problems import DomainError, not_found
from services.core.request_batcher import RequestBatcher
from services.core.state_machine import illegal_step
from services.delivery.deliveries import show_arrival
from services.delivery.delivery_records import record_change
from services.delivery.delivery_states import MACHINE, lock
from services.delivery.positions import rider_positions
from services.delivery.positions.position_results import PositionReport, PositionReportResult
from services.delivery.positions.position_validation import (
    ValidatedReadings,
    check_reading,
    check_readings,
    problem_of_ignored_point,
    rate_limited,
    validate_readings,
)
from services.delivery.positions.rider_positions import ActiveDelivery, GpsReading, RiderState
from services.delivery.ride_settings import SETTINGS
from services.delivery.rider_distance import is_at_place
from services.delivery.rider_states import rider_companies
from services.delivery.riders import wake_searches
from services.routing.distances import distance_m, eta_seconds
from services.routing.track_codec import TrackPoint
from workflows.delivery.track_writer import TrackWriter

ARRIVING_ETA_SECONDS = 60
MAX_BATCH_REPORTS = 1_000
MAX_QUEUED_REPORTS = 5_000
GATHER_SECONDS = 0.06  # not visible on a map; saves a round trip for each report
WORKER_COUNT = 1  # while it writes, the next batch is gathered
ORIGIN = AuditContext("position")

# The status changes that a movement of the rider causes; some need the rider to be near.
CHANGE_BY_MOVEMENT = {
    DeliveryStatus.ASSIGNED: DeliveryStatus.EN_ROUTE_TO_STORE,
    DeliveryStatus.PICKED_UP: DeliveryStatus.EN_ROUTE_TO_CUSTOMER,
    DeliveryStatus.EN_ROUTE_TO_CUSTOMER: DeliveryStatus.ARRIVING,
}
NEEDS_PROXIMITY = frozenset({DeliveryStatus.EN_ROUTE_TO_CUSTOMER})


PositionReportRequest = tuple[Actor, Sequence[GpsReading]]


class PositionIngest(RequestBatcher[PositionReportRequest, "PositionReportResult | DomainError"]):
    """Batches the position reports of a process.

    Start it in a running loop, close it at the end.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(
            "positions",
            self._process_batch,
            batch_requests=MAX_BATCH_REPORTS,
            queue_requests=MAX_QUEUED_REPORTS,
            workers=WORKER_COUNT,
            gather_seconds=GATHER_SECONDS,
        )
        self._database = database
        self.track_writer = TrackWriter(database)

    def start(self) -> None:
        super().start()
        self.track_writer.start()

    async def close(self) -> None:
        await super().close()
        await self.track_writer.close()

    async def _process_batch(
        self, batch: Sequence[PositionReportRequest]
    ) -> list[PositionReportResult | DomainError]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            results, accepted = await _store_batch(session, batch)
        for rider, readings in accepted:
            _add_track_points(self.track_writer, rider, readings)
        return results


class PositionIngestDependencies(Protocol):
    """What the intake of positions needs from the process."""

    @property
    def database(self) -> Database: ...
    @property
    def positions(self) -> PositionIngest: ...


async def report_position(
    dependencies: PositionIngestDependencies,
    *,
    actor: Actor,
    origin: AuditContext,
    reading: GpsReading,
    device_time: datetime | None = None,
) -> PositionReport:
    """Store the position of a rider, by the database's clock, and advance their delivery.

    Raises DomainError: InvalidInput, NotFound, InvalidTransition while OFFLINE, RateLimited beyond
    four reports a second, ImplausibleLocation beyond 60 m/s since the last one (less the stated
    accuracy).
    """
    result = await _submit(dependencies, actor, [check_reading(reading, "input")])
    if result.report is None:
        raise DomainError(problem_of_ignored_point(result.ignored[0]))
    await _apply_effects(dependencies, actor, origin, result.report, device_time)
    return result.report


async def report_positions(
    dependencies: PositionIngestDependencies,
    *,
    actor: Actor,
    origin: AuditContext,
    readings: Sequence[GpsReading],
) -> PositionReportResult:
    """Store the newest of up to 100 points, oldest first; all accepted points belong to the track.

    A point is ignored, with its reason, where it alone would be refused. Raises DomainError for the
    whole report: InvalidInput, NotFound, InvalidTransition while OFFLINE, RateLimited for two at
    once.
    """
    result = await _submit(dependencies, actor, check_readings(readings, "locations"))
    if result.report is not None:
        await _apply_effects(dependencies, actor, origin, result.report, None)
    return result


async def _submit(
    dependencies: PositionIngestDependencies, actor: Actor, readings: Sequence[GpsReading]
) -> PositionReportResult:
    result = await dependencies.positions.submit((actor, readings))
    if isinstance(result, DomainError):
        raise result
    return result


async def _apply_effects(
    dependencies: PositionIngestDependencies,
    actor: Actor,
    origin: AuditContext,
    report: PositionReport,
    device_time: datetime | None,
) -> None:
    """Change the delivery, or wake searches, as a stored position requires."""
    company_id = report.rider.company_id
    scope = actor.scope().with_company(company_id)
    if report.advances_delivery and report.delivery_id is not None:
        async with dependencies.database.write(scope, origin) as session:
            await _advance_delivery(session, report.delivery_id, report.eta_seconds, device_time)
    elif report.shows_arrival and report.delivery_id is not None:
        async with dependencies.database.write(scope, origin) as session:
            await show_arrival(session, report.delivery_id, report.rider.rider_id)
    elif report.wakes_searches:
        async with dependencies.database.write(scope, origin) as session:
            await wake_searches(session, company_id)


async def _store_batch(
    session: AsyncSession, batch: Sequence[PositionReportRequest]
) -> tuple[list[PositionReportResult | DomainError], list[tuple[RiderState, ValidatedReadings]]]:
    """Validate each report by the state of its rider and store the newest accepted positions."""
    person_ids = {actor.person_id for actor, _ in batch if actor.person_id is not None}
    riders = await rider_positions.rider_states(session, list(person_ids))
    results: list[PositionReportResult | DomainError] = []
    accepted: dict[UUID, tuple[RiderState, ValidatedReadings]] = {}
    for actor, readings in batch:
        try:
            rider = _online_rider(riders, actor)
            if rider.rider_id in accepted:
                raise DomainError(rate_limited())
        except DomainError as error:
            results.append(error)
            continue
        validated = validate_readings(rider, readings)
        if validated.accepted:
            accepted[rider.rider_id] = rider, validated
        results.append(_to_result(rider, validated))
    if accepted:
        newest = [(rider, *validated.accepted[-1]) for rider, validated in accepted.values()]
        await rider_positions.store_positions(session, newest)
    return results, list(accepted.values())


def _add_track_points(
    track_writer: TrackWriter, rider: RiderState, validated: ValidatedReadings
) -> None:
    """Add the readings since the assignment to the track of the rider's delivery."""
    delivery = rider.active_delivery
    if delivery is None:
        return
    points = [
        TrackPoint(read_at, reading.location)
        for reading, read_at in validated.accepted
        if read_at >= delivery.assigned_at
    ]
    track_writer.add_points(delivery.delivery_id, rider.company_id, points)


def _online_rider(riders: Mapping[UUID, RiderState], actor: Actor) -> RiderState:
    """The actor as an online rider. Raises DomainError: NotFound, InvalidTransition."""
    rider = riders.get(actor.person_id) if actor.person_id is not None else None
    if rider is None or not (companies := rider_companies(actor)):
        raise not_found(Rider)
    if rider.status is not RiderStatus.ONLINE or rider.company_id not in companies:
        legal: list[str] = [RiderAction.GO_ONLINE]
        message = "Go online first."
        raise illegal_step("input", message=message, state=RiderStatus.OFFLINE, legal=legal)
    return rider


def _to_result(rider: RiderState, validated: ValidatedReadings) -> PositionReportResult:
    if not validated.accepted:
        return PositionReportResult(None, 0, validated.ignored)
    reading, read_at = validated.accepted[-1]
    return PositionReportResult(
        _to_report(rider, reading, read_at), len(validated.accepted), validated.ignored
    )


def _to_report(rider: RiderState, reading: GpsReading, read_at: datetime) -> PositionReport:
    """The report of the newest point; only a fresh point changes the delivery or wakes searches."""
    fresh = timedelta(seconds=SETTINGS.position_fresh_seconds)
    delivery = rider.active_delivery
    if delivery is None:
        not_seen = rider.last_seen_at is None or rider.now - rider.last_seen_at > fresh
        return PositionReport(
            rider, reading, read_at, wakes_searches=not_seen and rider.now - read_at <= fresh
        )
    eta = (
        eta_seconds(distance_m(reading.location, delivery.destination), rider.vehicle)
        if delivery.picked_up
        else None
    )
    is_fresh = rider.now - read_at <= fresh
    return PositionReport(
        rider,
        reading,
        read_at,
        delivery.order_id,
        delivery.delivery_id,
        eta,
        advances_delivery=is_fresh and _advances(delivery.status, eta),
        shows_arrival=is_fresh and _shows_arrival(delivery, reading),
    )


def _shows_arrival(delivery: ActiveDelivery, reading: GpsReading) -> bool:
    waits_unseen = delivery.status is DeliveryStatus.AT_CUSTOMER and delivery.at_door_since is None
    return waits_unseen and is_at_place(
        reading.location, reading.accuracy_meters, delivery.destination
    )


def _advances(status: DeliveryStatus, eta: int | None) -> bool:
    """Whether a position changes a delivery with this status."""
    near = eta is not None and eta <= ARRIVING_ETA_SECONDS
    return status in CHANGE_BY_MOVEMENT and (near or status not in NEEDS_PROXIMITY)


async def _advance_delivery(
    session: AsyncSession, delivery_id: UUID, eta: int | None, device_time: datetime | None
) -> None:
    """Change the status under the order's lock, if the change is still due."""
    order, delivery = await lock(session, delivery_id)
    if not _advances(delivery.status, eta):
        return
    status = CHANGE_BY_MOVEMENT[delivery.status]
    event_type = OrderEventKind[f"DELIVERY_{status}"]
    MACHINE.move(delivery, status)
    record_change(session, order, delivery, event_type, eta_seconds=eta, device_time=device_time)
    await session.flush()
