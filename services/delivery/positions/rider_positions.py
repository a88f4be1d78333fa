"""Reads the state of many riders, and stores their positions, in one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Double, Uuid

from database.base import enum_literals
from database.statements import prepared
from models.delivery import FINAL_DELIVERY_STATUSES, Delivery, DeliveryStatus
from models.geo_point import Point
from models.riders import Rider, RiderLocation, RiderStatus, VehicleKind


@dataclass(frozen=True, slots=True)
class GpsReading:
    """A position as the rider's device reports it (WGS 84)."""

    latitude: float
    longitude: float
    heading_degrees: float | None = None
    speed_meters_per_second: float | None = None
    accuracy_meters: float | None = None
    age_seconds: float = 0.0
    """Seconds between the reading and the report, by the monotonic clock of the device."""

    @property
    def location(self) -> Point:
        return Point(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class ActiveDelivery:
    """The open delivery of a rider, its status and its destination."""

    delivery_id: UUID
    order_id: UUID
    status: DeliveryStatus
    destination: Point
    picked_up: bool
    assigned_at: datetime
    """Time when this rider accepted it."""
    at_door_since: datetime | None


@dataclass(frozen=True, slots=True)
class RiderState:
    """A rider at the time `now`, their open delivery, and their last position in this shift."""

    rider_id: UUID
    person_id: UUID
    company_id: UUID
    status: RiderStatus
    vehicle: VehicleKind
    online_since: datetime | None
    active_delivery: ActiveDelivery | None
    last_reading: GpsReading | None
    last_seen_at: datetime | None
    now: datetime


_rider, _delivery, _position = Rider.__table__.c, Delivery.__table__.c, RiderLocation.__table__.c
_OPEN_DELIVERY = (_delivery.id == _rider.live_delivery_id) & _delivery.status.not_in(
    enum_literals(FINAL_DELIVERY_STATUSES)
)
# A position of an earlier shift does not count.
_THIS_SHIFT = (_position.rider_id == _rider.id) & (_position.recorded_at >= _rider.online_since)
_RIDER_STATES = prepared(
    select(
        *(_rider.id, _rider.person_id, _rider.company_id, _rider.status, _rider.vehicle),
        *(
            _delivery.id,
            _delivery.order_id,
            _delivery.status,
            _delivery.latitude,
            _delivery.longitude,
        ),
        *(_delivery.picked_up_at, _delivery.assigned_at, _rider.online_since),
        *(
            _position.latitude,
            _position.longitude,
            _position.accuracy_meters,
            _position.recorded_at,
        ),
        *(func.clock_timestamp(type_=DateTime(timezone=True)), _delivery.at_door_since),
    )
    .select_from(Rider.__table__)
    .outerjoin(Delivery.__table__, _OPEN_DELIVERY)
    .outerjoin(RiderLocation.__table__, _THIS_SHIFT)
    .where(_rider.person_id == any_(bindparam("people", type_=ARRAY(Uuid))))
)
# Rows are written in the order of their keys, so two batches can't deadlock. When two processes
# store a position of one rider, the later position stays.
_STORE_POSITIONS = prepared(
    text(
        """
    insert into rider_position (
        rider_id, person_id, company_id, latitude, longitude,
        heading_degrees, speed_meters_per_second, accuracy_meters, recorded_at
    )
    select position_row.* from unnest(
        :riders, :people, :companies, :latitudes, :longitudes, :headings, :speeds, :accuracies,
        :seen_ats
    ) as position_row (
        rider, person, company, latitude, longitude, heading, speed, accuracy, recorded_at
    )
    order by position_row.rider
    on conflict (rider_id) do update set
        latitude = excluded.latitude, longitude = excluded.longitude,
        heading_degrees = excluded.heading_degrees,
        speed_meters_per_second = excluded.speed_meters_per_second,
        accuracy_meters = excluded.accuracy_meters, recorded_at = excluded.recorded_at
    where rider_position.recorded_at <= excluded.recorded_at
    """
    ).bindparams(
        *(bindparam(name, type_=ARRAY(Uuid)) for name in ("riders", "people", "companies")),
        *(
            bindparam(name, type_=ARRAY(Double))
            for name in ("latitudes", "longitudes", "headings", "speeds", "accuracies")
        ),
        bindparam("seen_ats", type_=ARRAY(DateTime(timezone=True))),
    )
)


async def rider_states(session: AsyncSession, person_ids: Sequence[UUID]) -> dict[UUID, RiderState]:
    """The state of the riders among these people, by person id: of the company that they are
    online for, if they ride for several."""
    rows = await session.execute(_RIDER_STATES, {"people": list(person_ids)})
    states: dict[UUID, RiderState] = {}
    for row in rows:
        if row[1] not in states or row[3] == RiderStatus.ONLINE:
            states[row[1]] = _rider_state(row)
    return states


def _rider_state(row: Any) -> RiderState:
    has_delivery, has_position = row[5] is not None, row[16] is not None
    return RiderState(
        rider_id=row[0],
        person_id=row[1],
        company_id=row[2],
        status=row[3],
        vehicle=row[4],
        online_since=row[12],
        active_delivery=_active_delivery(row) if has_delivery else None,
        last_reading=GpsReading(row[13], row[14], accuracy_meters=row[15])
        if has_position
        else None,
        last_seen_at=row[16],
        now=row[17],
    )


def _active_delivery(row: Any) -> ActiveDelivery:
    assigned_at = row[11] or row[17]
    return ActiveDelivery(
        row[5], row[6], row[7], Point(row[8], row[9]), row[10] is not None, assigned_at, row[18]
    )


async def store_positions(
    session: AsyncSession, positions: Sequence[tuple[RiderState, GpsReading, datetime]]
) -> None:
    """Store the positions of riders, each rider once, as of these times."""
    await session.execute(
        _STORE_POSITIONS,
        {
            "riders": [rider.rider_id for rider, _, _ in positions],
            "people": [rider.person_id for rider, _, _ in positions],
            "companies": [rider.company_id for rider, _, _ in positions],
            "latitudes": [reading.latitude for _, reading, _ in positions],
            "longitudes": [reading.longitude for _, reading, _ in positions],
            "headings": [reading.heading_degrees for _, reading, _ in positions],
            "speeds": [reading.speed_meters_per_second for _, reading, _ in positions],
            "accuracies": [reading.accuracy_meters for _, reading, _ in positions],
            "seen_ats": [recorded_at for _, _, recorded_at in positions],
        },
    )
