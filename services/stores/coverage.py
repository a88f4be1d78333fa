"""Finds the stores that deliver to a point, nearest first, or the reason why none does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Uuid,
    bindparam,
    case,
    column,
    exists,
    func,
    null,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.companies import Company
from models.geo_point import Point
from models.stores import Store, StoreKind, StoreStatus, StoreZone, UnserviceableReason
from models.timers import StoreTimers, store_timers
from services.core.geo_points import MAX_LATITUDE_DEGREES, SWAPPED
from services.core.problems import DomainError, Problem, not_found
from services.stores.opening_hours import is_open_at
from services.stores.store_time import STATEMENT_TIME

MAX_SERVING_STORES = 20
NEAR_METERS = 50_000
"""A place this close to a zone is meant as it is written."""
UNSERVED_MESSAGES = {
    UnserviceableReason.OUTSIDE_ZONES: "Nobody delivers there: it lies outside of every zone.",
    UnserviceableReason.CLOSED: "The stores that deliver there are closed now.",
    UnserviceableReason.PAUSED: "The stores that deliver there take no orders for the moment.",
}

POINTS_SERVED = text(
    """
    select exists (
        select from store_zone z join store s on s.id = z.store_id
        where s.status <> 'CLOSED' and s.type = 'DARK_STORE' and st_covers(
            z.area, geography(st_setsrid(st_makepoint(query.longitude, query.latitude), 4326))
        )
    )
    from unnest(:latitudes, :longitudes) with ordinality as query (latitude, longitude, nth)
    order by query.nth
    """
).bindparams(
    bindparam("latitudes", type_=ARRAY(Float(53))), bindparam("longitudes", type_=ARRAY(Float(53)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotServiceable(Problem):
    """No store delivers to the point now; the distance to the nearest zone is in metres."""

    reason: UnserviceableReason
    distance_to_nearest_zone_meters: int | None


@dataclass(frozen=True, slots=True)
class StoreStaffDetails:
    """The properties of a store that only its staff may see."""

    store_id: UUID
    version: int
    preparation_seconds: int
    timer_overrides: Mapping[str, int]
    business_day_start: time

    @property
    def timers(self) -> StoreTimers:
        """The timers that the store has set itself."""
        return store_timers(self.timer_overrides)


@dataclass(frozen=True, slots=True)
class ServingStore:
    """A store that delivers to a point, and its straight-line distance in metres."""

    store: Store
    company: Company
    distance_m: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The open stores that deliver to a point at a time, by distance, or the reason for none."""

    point: Point
    at: datetime
    serving_stores: list[ServingStore]
    reason: UnserviceableReason | None = None
    nearest_zone_m: int | None = None
    swapped: bool = False
    """Whether a zone is near if latitude and longitude are exchanged."""
    has_company: bool = True
    """False if the query named a company that there is not."""

    def not_serviceable_error(self, *path: str) -> DomainError:
        """Return the error for a point to which no store delivers now.

        NotFound when the query named a company that there is not: the point may be served.
        """
        if not self.has_company:
            return not_found(Company, "companyId")
        reason = self.reason or UnserviceableReason.OUTSIDE_ZONES
        problem = NotServiceable(
            path=list(path),
            message=UNSERVED_MESSAGES[reason] + (f" {SWAPPED}" if self.swapped else ""),
            reason=reason,
            distance_to_nearest_zone_meters=self.nearest_zone_m,
        )
        return DomainError(problem)


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """A query for the nearest stores, of one company or all; `at` overrides the time in tests."""

    point: Point
    company_id: UUID | None = None
    limit: int = MAX_SERVING_STORES
    at: datetime | None = None


async def find_serving_stores(
    session: AsyncSession,
    point: Point,
    *,
    company_id: UUID | None = None,
    at: datetime | None = None,
) -> list[ServingStore]:
    """Return the open stores that deliver to the point, nearest first; tests set the time `at`."""
    return (await find_coverage(session, point, company_id=company_id, at=at)).serving_stores


async def find_coverage(
    session: AsyncSession,
    point: Point,
    *,
    company_id: UUID | None = None,
    at: datetime | None = None,
    limit: int = MAX_SERVING_STORES,
) -> Coverage:
    """Find at most `limit` stores that deliver to the point, nearest first."""
    return (await find_coverages(session, [CoverageQuery(point, company_id, limit, at)]))[0]


async def find_coverages(session: AsyncSession, queries: Sequence[CoverageQuery]) -> list[Coverage]:
    """Answer each query: one statement for all, and one more per point outside all zones."""
    parameters = {
        "latitude": [query.point.latitude for query in queries],
        "longitude": [query.point.longitude for query in queries],
        "company": [query.company_id for query in queries],
        "limit": [query.limit for query in queries],
        "at": [query.at for query in queries],
    }
    rows_by_query: list[list[Any]] = [[] for _ in queries]
    for row in await session.execute(STORES_COVERING, parameters):
        rows_by_query[row[5] - 1].append(row)
    return [
        _covered(query, rows) if rows else await _uncovered(session, query)
        for query, rows in zip(queries, rows_by_query, strict=True)
    ]


def _covered(query: CoverageQuery, rows: Sequence[Any]) -> Coverage:
    serving_stores = [
        ServingStore(store, company, round(distance))
        for store, company, distance, is_open, *_ in rows
        if is_open and store.status is StoreStatus.OPEN
    ]
    if serving_stores:
        return Coverage(query.point, rows[0][4], serving_stores)
    paused = any(
        is_open and store.status is StoreStatus.PAUSED for store, _, _, is_open, *_ in rows
    )
    reason = UnserviceableReason.PAUSED if paused else UnserviceableReason.CLOSED
    return Coverage(query.point, rows[0][4], [], reason, 0)


async def _uncovered(session: AsyncSession, query: CoverageQuery) -> Coverage:
    nearest, now, swapped, has_company = (
        await session.execute(_nearest_zone(query.point, query.company_id))
    ).one()
    metres = None if nearest is None else round(nearest)
    is_swapped = swapped is not None and swapped <= NEAR_METERS < nearest
    reason = UnserviceableReason.OUTSIDE_ZONES
    return Coverage(query.point, now, [], reason, metres, is_swapped, has_company)


def _stores_covering() -> Any:
    """Build the statement for the stores whose zones cover each point (GiST index on the zones).

    Open stores come before paused ones, these before closed ones, and each group nearest first.
    """
    query = _query_rows()
    geometry = func.ST_SetSRID(func.ST_MakePoint(query.c.longitude, query.c.latitude), 4326)
    point = func.geography(geometry)
    distance: ColumnElement[float] = func.ST_Distance(Store.point, point)
    # With an offset the question is asked once for each store, wherever the answer stands.
    condition = is_open_at(func.coalesce(query.c.at, STATEMENT_TIME), query)
    hours = select(condition.label("is_open")).correlate(Store, query).offset(0).lateral("hours")
    status_rank = _status_rank(hours.c.is_open)
    nearest = (
        select(
            Store.id,
            distance.label("distance"),
            hours.c.is_open,
            status_rank.label("status_rank"),
        )
        .select_from(Store)
        .join(StoreZone, StoreZone.store_id == Store.id)
        .join(hours, true())
        .where(func.ST_Covers(StoreZone.area, point), Store.type == StoreKind.DARK_STORE)
        .where(or_(query.c.company.is_(None), Store.company_id == query.c.company))
        .order_by(status_rank, distance, Store.id)
        .limit(query.c.limit)
        .correlate(query)
        .lateral("nearest")
    )
    stores = query.join(nearest, true()).join(Store.__table__, Store.id == nearest.c.id)
    return prepared(
        select(Store, Company, nearest.c.distance, nearest.c.is_open, func.clock_timestamp())
        .add_columns(query.c.nth)
        .select_from(stores.join(Company.__table__, Company.id == Store.company_id))
        # The joins may change the order of the nearest stores.
        .order_by(query.c.nth, nearest.c.status_rank, nearest.c.distance, nearest.c.id)
    )


def _query_rows() -> Any:
    """Build the table of the queries from array parameters, one row per query."""
    types: dict[str, Any] = {"latitude": Float(53), "longitude": Float(53), "company": Uuid()}
    types |= {"limit": Integer(), "at": DateTime(timezone=True)}
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    columns = [column(name, type_) for name, type_ in types.items()]
    rows = func.unnest(*arrays).table_valued(*columns, with_ordinality="nth")
    return rows.render_derived(name="query")


def _status_rank(is_open: ColumnElement[bool]) -> ColumnElement[int]:
    """Build the sort key of a store: 0 if it takes orders, 1 if paused, 2 if closed."""
    return case(
        (is_open & (Store.status == StoreStatus.OPEN), 0),
        (is_open & (Store.status == StoreStatus.PAUSED), 1),
        else_=2,
    )


def _nearest_zone(point: Point, company_id: UUID | None) -> Any:
    """Build the statement for the metres to the nearest zone (KNN on the index) and the time.

    The third column has the metres of the point with latitude and longitude exchanged, the fourth
    whether the company exists.
    """

    def metres(at: Point) -> Any:
        nearest = select(func.ST_Distance(StoreZone.area, at.geography()))
        if company_id is not None:
            nearest = nearest.where(StoreZone.company_id == company_id)
        nearest = nearest.order_by(StoreZone.area.op("<->")(at.geography())).limit(1)
        return nearest.scalar_subquery()

    exchanged = Point(point.longitude, point.latitude)
    swapped = metres(exchanged) if abs(point.longitude) <= MAX_LATITUDE_DEGREES else null()
    known = true() if company_id is None else exists().where(Company.id == company_id)
    return select(metres(point), func.clock_timestamp(), swapped, known)


STORES_COVERING = _stores_covering()


async def are_serviceable(session: AsyncSession, points: Sequence[Point]) -> list[bool]:
    """Return for each point whether the zone of a store that is not CLOSED covers it."""
    degrees = {
        "latitudes": [point.latitude for point in points],
        "longitudes": [point.longitude for point in points],
    }
    return [bool(served) for served in await session.scalars(POINTS_SERVED, degrees)]
