"""Which stores serve a place, nearest first, and why nobody does when nobody does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Time,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from models import Company, Store, StoreHours, StoreKind, StoreStatus, StoreZone, Unserved
from models.light import kept
from models.point import Point, here
from services.refusal import Problem, Refused, not_found

SERVING_STORES = 20
REASONS = {
    Unserved.OUTSIDE_ZONES: "Nobody delivers there: it lies outside of every zone.",
    Unserved.CLOSED: "The stores that deliver there are closed now.",
    Unserved.PAUSED: "The stores that deliver there take no orders for the moment.",
}

PLACES_SERVED = text(
    """
    select exists (
        select from store_zone z join store s on s.id = z.store_id
        where s.status <> 'CLOSED' and s.kind = 'DARK_STORE' and st_covers(
            z.area, geography(st_setsrid(st_makepoint(place.longitude, place.latitude), 4326))
        )
    )
    from unnest(:latitudes, :longitudes) with ordinality as place (latitude, longitude, nth)
    order by place.nth
    """
).bindparams(
    bindparam("latitudes", type_=ARRAY(Float(53))), bindparam("longitudes", type_=ARRAY(Float(53)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotServiceable(Problem):
    """Nobody delivers to that place now; the distance to the nearest zone is in metres."""

    reason: Unserved
    distance_to_nearest_zone_m: int | None


@dataclass(frozen=True, slots=True)
class Desk:
    """What only a store's own people see of it."""

    store_id: UUID
    version: int
    preparation_seconds: int


@dataclass(frozen=True, slots=True)
class Serving:
    """A store that delivers to a place, and how far it is in a straight line (metres)."""

    store: Store
    company: Company
    distance_m: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who delivers to a place at a moment: open stores by distance, or the reason for none."""

    point: Point
    at: datetime
    serving: list[Serving]
    reason: Unserved | None = None
    nearest_zone_m: int | None = None

    def refused(self, *path: str) -> Refused:
        """The refusal for a place that nobody serves now."""
        reason = self.reason or Unserved.OUTSIDE_ZONES
        problem = NotServiceable(
            path=list(path),
            message=REASONS[reason],
            reason=reason,
            distance_to_nearest_zone_m=self.nearest_zone_m,
        )
        return Refused(problem)


async def serving(
    session: AsyncSession,
    point: Point,
    *,
    company_id: UUID | None = None,
    at: datetime | None = None,
) -> list[Serving]:
    """The open stores that deliver to `point`, nearest first; tests give a moment `at`."""
    return (await coverage(session, point, company_id=company_id, at=at)).serving


async def coverage(
    session: AsyncSession,
    point: Point,
    *,
    company_id: UUID | None = None,
    at: datetime | None = None,
    most: int = SERVING_STORES,
) -> Coverage:
    """Who serves `point` now, the `most` nearest: one statement, two when no zone covers it."""
    given: dict[str, Any] = {"latitude": point.latitude, "longitude": point.longitude, "most": most}
    given |= {"company": company_id} if company_id else {}
    given |= {"at": at} if at else {}
    asked = _covering(in_company=company_id is not None, at_moment=at is not None)
    rows = (await session.execute(asked, given)).all()
    found = [
        Serving(store, company, round(distance))
        for store, company, distance, is_open, _ in rows
        if is_open and store.status is StoreStatus.OPEN
    ]
    if found:
        return Coverage(point, rows[0][4], found)
    if rows:
        paused = any(open_ and store.status is StoreStatus.PAUSED for store, _, _, open_, _ in rows)
        reason = Unserved.PAUSED if paused else Unserved.CLOSED
        return Coverage(point, rows[0][4], [], reason, 0)
    nearest, now = (await session.execute(_nearest_zone(point, company_id))).one()
    metres = None if nearest is None else round(nearest)
    return Coverage(point, now, [], Unserved.OUTSIDE_ZONES, metres)


@cache
def _covering(*, in_company: bool, at_moment: bool) -> Any:
    """The stores whose zones cover the point (by the zones' GiST index): those that serve it
    before those that are paused, these before the closed ones, and each kind the nearest first."""
    distance: ColumnElement[float] = func.ST_Distance(Store.point, here())
    opened = open_at(bindparam("at", type_=DateTime(timezone=True)) if at_moment else None)
    standing = case(
        (opened & (Store.status == StoreStatus.OPEN), 0),
        (opened & (Store.status == StoreStatus.PAUSED), 1),
        else_=2,
    )
    found = (
        select(Store, Company, distance, opened, func.clock_timestamp())
        .join(StoreZone, StoreZone.store_id == Store.id)
        .join(Company, Company.id == Store.company_id)
        .where(func.ST_Covers(StoreZone.area, here()), Store.kind == StoreKind.DARK_STORE)
        .order_by(standing, distance, Store.id)
        .limit(bindparam("most", type_=Integer))
    )
    if in_company:
        found = found.where(Store.company_id == bindparam("company", type_=Uuid))
    return kept(found)


def _nearest_zone(point: Point, company_id: UUID | None) -> Any:
    """Metres to the nearest zone (by the same index, nearest neighbor first), or null, and now."""
    nearest = select(func.ST_Distance(StoreZone.area, point.geography()))
    if company_id is not None:
        nearest = nearest.where(StoreZone.company_id == company_id)
    nearest = nearest.order_by(StoreZone.area.op("<->")(point.geography())).limit(1)
    return select(nearest.scalar_subquery(), func.clock_timestamp())


def open_at(at: ColumnElement[datetime] | None = None) -> ColumnElement[bool]:
    """Whether a row of Store is within its hours, in its own time zone, by the database's clock."""
    moment: Any = func.clock_timestamp() if at is None else at
    local = func.timezone(Store.timezone, moment)
    today = cast(func.extract("isodow", local), Integer) - 1
    now = cast(local, Time)
    overnight = StoreHours.closes <= StoreHours.opens
    since_today = and_(
        StoreHours.weekday == today,
        StoreHours.opens <= now,
        or_(overnight, now < StoreHours.closes),
    )
    since_yesterday = and_(
        StoreHours.weekday == (today + 6) % 7, overnight, now < StoreHours.closes
    )
    return exists().where(StoreHours.store_id == Store.id, or_(since_today, since_yesterday))


async def served(session: AsyncSession, points: Sequence[Point]) -> list[bool]:
    """For each place, whether it lies in the zone of a store that is in business at all."""
    degrees = {
        "latitudes": [point.latitude for point in points],
        "longitudes": [point.longitude for point in points],
    }
    return [bool(found) for found in await session.scalars(PLACES_SERVED, degrees)]


async def store(session: AsyncSession, store_id: UUID) -> Store:
    """One store; refused when there is none, or none to be seen from here."""
    found = await session.get(Store, store_id)
    if found is None:
        raise not_found(Store, "id")
    return found
