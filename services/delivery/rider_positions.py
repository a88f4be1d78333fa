"""The statements by which one transaction reads how many riders stand and stores where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Double, Uuid

from database.base import words
from database.statements import kept
from models.delivery import (
    OVER,
    Delivery,
    DeliveryStatus,
    Rider,
    RiderPosition,
    RiderStatus,
    Vehicle,
)
from models.geo_point import Point


@dataclass(frozen=True, slots=True)
class Fix:
    """What a rider's device says about where it is."""

    latitude: float
    longitude: float
    heading_degrees: float | None = None
    speed_mps: float | None = None
    accuracy_m: float | None = None
    ago_seconds: float = 0.0
    """How long before the report this was, by the device's stopwatch."""

    @property
    def place(self) -> Point:
        return Point(self.latitude, self.longitude)


@dataclass(frozen=True, slots=True)
class Way:
    """The live ride of a rider: how far it is, and where it goes."""

    delivery_id: UUID
    order_id: UUID
    status: DeliveryStatus
    door: Point
    picked_up: bool
    since: datetime
    """When this rider took it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A rider at the moment `now`, the ride they are on and where they were seen in this shift."""

    rider_id: UUID
    person_id: UUID
    company_id: UUID
    status: RiderStatus
    vehicle: Vehicle
    online_since: datetime | None
    way: Way | None
    last: Fix | None
    last_seen_at: datetime | None
    now: datetime


_rider, _ride, _last = Rider.__table__.c, Delivery.__table__.c, RiderPosition.__table__.c
_LIVE = (_ride.id == _rider.live_delivery_id) & _ride.status.not_in(words(OVER))
# A position of an earlier shift says nothing about this one.
_THIS_SHIFT = (_last.rider_id == _rider.id) & (_last.seen_at >= _rider.online_since)
_STANDING = kept(
    select(
        *(_rider.id, _rider.person_id, _rider.company_id, _rider.status, _rider.vehicle),
        *(_ride.id, _ride.order_id, _ride.status, _ride.latitude, _ride.longitude),
        *(_ride.picked_up_at, _ride.assigned_at, _rider.online_since),
        *(_last.latitude, _last.longitude, _last.accuracy_m, _last.seen_at),
        func.clock_timestamp(type_=DateTime(timezone=True)),
    )
    .select_from(Rider.__table__)
    .outerjoin(Delivery.__table__, _LIVE)
    .outerjoin(RiderPosition.__table__, _THIS_SHIFT)
    .where(_rider.person_id == any_(bindparam("people", type_=ARRAY(Uuid))))
)
# Rows are written in the order of their keys, so two batches can't wait for each other. Of two
# processes that heard of one rider, the later sighting stays.
_STORE = kept(
    text(
        """
    insert into rider_position (
        rider_id, person_id, company_id, latitude, longitude,
        heading_degrees, speed_mps, accuracy_m, seen_at
    )
    select one.* from unnest(
        :riders, :people, :companies, :latitudes, :longitudes, :headings, :speeds, :accuracies,
        :moments
    ) as one (rider, person, company, latitude, longitude, heading, speed, accuracy, seen_at)
    order by one.rider
    on conflict (rider_id) do update set
        latitude = excluded.latitude, longitude = excluded.longitude,
        heading_degrees = excluded.heading_degrees, speed_mps = excluded.speed_mps,
        accuracy_m = excluded.accuracy_m, seen_at = excluded.seen_at
    where rider_position.seen_at <= excluded.seen_at
    """
    ).bindparams(
        *(bindparam(name, type_=ARRAY(Uuid)) for name in ("riders", "people", "companies")),
        *(
            bindparam(name, type_=ARRAY(Double))
            for name in ("latitudes", "longitudes", "headings", "speeds", "accuracies")
        ),
        bindparam("moments", type_=ARRAY(DateTime(timezone=True))),
    )
)


async def standing(session: AsyncSession, people: Sequence[UUID]) -> dict[UUID, Standing]:
    """How the riders among these people stand, by their person."""
    rows = await session.execute(_STANDING, {"people": list(people)})
    return {row[1]: _standing(row) for row in rows}


def _standing(row: Any) -> Standing:
    riding, seen = row[5] is not None, row[16] is not None
    return Standing(
        rider_id=row[0],
        person_id=row[1],
        company_id=row[2],
        status=row[3],
        vehicle=row[4],
        online_since=row[12],
        way=_way(row) if riding else None,
        last=Fix(row[13], row[14], accuracy_m=row[15]) if seen else None,
        last_seen_at=row[16],
        now=row[17],
    )


def _way(row: Any) -> Way:
    since = row[11] or row[17]
    return Way(row[5], row[6], row[7], Point(row[8], row[9]), row[10] is not None, since)


async def store(session: AsyncSession, seen: Sequence[tuple[Standing, Fix, datetime]]) -> None:
    """Make these the riders' positions, each rider once, as of these moments."""
    await session.execute(
        _STORE,
        {
            "riders": [one.rider_id for one, _, _ in seen],
            "people": [one.person_id for one, _, _ in seen],
            "companies": [one.company_id for one, _, _ in seen],
            "latitudes": [fix.latitude for _, fix, _ in seen],
            "longitudes": [fix.longitude for _, fix, _ in seen],
            "headings": [fix.heading_degrees for _, fix, _ in seen],
            "speeds": [fix.speed_mps for _, fix, _ in seen],
            "accuracies": [fix.accuracy_m for _, fix, _ in seen],
            "moments": [at for _, _, at in seen],
        },
    )
