"""Which stores serve a place, nearest first, and why nobody does when nobody does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
    column,
    exists,
    func,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.companies import Company
from models.geo_point import Point
from models.stores import Store, StoreHours, StoreKind, StoreStatus, StoreZone, Unserved
from services.core.problems import Problem, Refused, not_found

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


@dataclass(frozen=True, slots=True)
class Asked:
    """Who delivers to a point: the `most` nearest, of one company or of all; tests say when."""

    point: Point
    company_id: UUID | None = None
    most: int = SERVING_STORES
    at: datetime | None = None


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
    """Who serves `point` now, the `most` nearest."""
    return (await coverages(session, [Asked(point, company_id, most, at)]))[0]


async def coverages(session: AsyncSession, asked: Sequence[Asked]) -> list[Coverage]:
    """Who serves each place: one statement for all, and one for each that no zone covers."""
    given = {
        "latitude": [one.point.latitude for one in asked],
        "longitude": [one.point.longitude for one in asked],
        "company": [one.company_id for one in asked],
        "most": [one.most for one in asked],
        "at": [one.at for one in asked],
    }
    found: list[list[Any]] = [[] for _ in asked]
    for row in await session.execute(COVERING, given):
        found[row[5] - 1].append(row)
    return [
        _covered(one, rows) if rows else await _uncovered(session, one)
        for one, rows in zip(asked, found, strict=True)
    ]


def _covered(asked: Asked, rows: Sequence[Any]) -> Coverage:
    found = [
        Serving(store, company, round(distance))
        for store, company, distance, is_open, *_ in rows
        if is_open and store.status is StoreStatus.OPEN
    ]
    if found:
        return Coverage(asked.point, rows[0][4], found)
    paused = any(
        is_open and store.status is StoreStatus.PAUSED for store, _, _, is_open, *_ in rows
    )
    reason = Unserved.PAUSED if paused else Unserved.CLOSED
    return Coverage(asked.point, rows[0][4], [], reason, 0)


async def _uncovered(session: AsyncSession, asked: Asked) -> Coverage:
    nearest, now = (await session.execute(_nearest_zone(asked.point, asked.company_id))).one()
    metres = None if nearest is None else round(nearest)
    return Coverage(asked.point, now, [], Unserved.OUTSIDE_ZONES, metres)


def _covering() -> Any:
    """The stores whose zones cover each place (by the zones' GiST index): those that serve it
    before those that are paused, these before the closed ones, and each kind the nearest first."""
    kinds: dict[str, Any] = {"latitude": Float(53), "longitude": Float(53), "company": Uuid()}
    kinds |= {"most": Integer(), "at": DateTime(timezone=True)}
    asked = (
        func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()))
        .table_valued(*(column(name, kind) for name, kind in kinds.items()), with_ordinality="nth")
        .render_derived(name="asked")
    )
    made = func.ST_SetSRID(func.ST_MakePoint(asked.c.longitude, asked.c.latitude), 4326)
    place = func.geography(made)
    distance: ColumnElement[float] = func.ST_Distance(Store.point, place)
    opened = open_at(func.coalesce(asked.c.at, func.clock_timestamp()))
    standing = _standing(opened)
    picked = (
        select(
            Store.id,
            distance.label("distance"),
            opened.label("opened"),
            standing.label("standing"),
        )
        .select_from(Store)
        .join(StoreZone, StoreZone.store_id == Store.id)
        .where(func.ST_Covers(StoreZone.area, place), Store.kind == StoreKind.DARK_STORE)
        .where(or_(asked.c.company.is_(None), Store.company_id == asked.c.company))
        .order_by(standing, distance, Store.id)
        .limit(asked.c.most)
        .correlate(asked)
        .lateral("picked")
    )
    stores = asked.join(picked, true()).join(Store.__table__, Store.id == picked.c.id)
    return kept(
        select(Store, Company, picked.c.distance, picked.c.opened, func.clock_timestamp())
        .add_columns(asked.c.nth)
        .select_from(stores.join(Company.__table__, Company.id == Store.company_id))
        # What is joined to the stores picked may bring them in any order.
        .order_by(asked.c.nth, picked.c.standing, picked.c.distance, picked.c.id)
    )


def _standing(opened: ColumnElement[bool]) -> ColumnElement[int]:
    """0 for a store in business, 1 for one that is paused, 2 for a closed one."""
    return case(
        (opened & (Store.status == StoreStatus.OPEN), 0),
        (opened & (Store.status == StoreStatus.PAUSED), 1),
        else_=2,
    )


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


COVERING = _covering()


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
