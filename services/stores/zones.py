"""Delivery zones as GeoJSON: structure is validated here, geometry by PostGIS, then stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.stores import Store, StoreKind, StoreZone, ZoneFault
from services.core.problems import DomainError, Problem
from services.stores.administration import lock_managed_store

MAX_ZONE_POINTS = 5_000
MAX_ZONE_POLYGONS = 50
MIN_RING_POINTS = 4
MIN_AREA_SQUARE_METERS = 10_000
MAX_AREA_SQUARE_METERS = 1_000_000_000
MAX_STORE_DISTANCE_METERS = 3_000

Polygons = list[list[list[list[float]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidZone(Problem):
    """The area is no valid delivery zone; `fault` tells why."""

    fault: ZoneFault


async def set_zone(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    area: Mapping[str, Any],
    expected_version: int | None = None,
) -> Store:
    """Replace a store's delivery zone (a GeoJSON Polygon or MultiPolygon); for its managers.

    Raises DomainError: NotFound, VersionConflict, InvalidZone.
    """
    polygons = parse_polygons(area)
    row = await lock_managed_store(session, actor, store_id, expected_version)
    if row.kind is StoreKind.WAREHOUSE:
        raise invalid_zone(ZoneFault.WAREHOUSE, "A warehouse delivers to stores only.")
    shape = orjson.dumps({"type": "MultiPolygon", "coordinates": polygons}).decode()
    await _check_geometry(session, shape, row)
    zone = func.geography(func.ST_SetSRID(func.ST_GeomFromGeoJSON(shape), 4326))
    statement = insert(StoreZone).values(store_id=store_id, company_id=row.company_id, area=zone)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["store_id"], set_={"area": statement.excluded.area}
        )
    )
    row.version += 1
    await session.flush()
    return row


def parse_polygons(area: Mapping[str, Any]) -> Polygons:
    """Return the polygons of a GeoJSON geometry: closed rings of [longitude, latitude].

    Third coordinates and foreign members are dropped. Raises DomainError: InvalidZone.
    """
    coordinates = area.get("coordinates")
    if area.get("type") == "Polygon":
        coordinates = [coordinates]
    elif area.get("type") != "MultiPolygon":
        raise invalid_zone(ZoneFault.MALFORMED, "A zone is a Polygon or a MultiPolygon.")
    if not 1 <= len(_list(coordinates)) <= MAX_ZONE_POLYGONS:
        message = f"A zone has from 1 to {MAX_ZONE_POLYGONS} polygons."
        raise invalid_zone(ZoneFault.MALFORMED, message)
    if _count_points(coordinates) > MAX_ZONE_POINTS:
        raise invalid_zone(
            ZoneFault.TOO_MANY_POINTS, f"A zone has at most {MAX_ZONE_POINTS} points."
        )
    polygons = [[_ring(ring) for ring in _list(polygon)] for polygon in _list(coordinates)]
    if not all(polygons):
        raise invalid_zone(ZoneFault.MALFORMED, "A polygon has at least one ring.")
    return polygons


async def zones_of_stores(
    session: AsyncSession, store_ids: Sequence[UUID]
) -> list[dict[str, Any] | None]:
    """Return each store's zone as GeoJSON, None if it has none."""
    rows = await session.execute(
        select(StoreZone.store_id, func.ST_AsGeoJSON(StoreZone.area, 6)).where(
            StoreZone.store_id.in_(store_ids)
        )
    )
    zones = {store_id: orjson.loads(text) for store_id, text in rows}
    return [zones.get(store_id) for store_id in store_ids]


async def _check_geometry(session: AsyncSession, shape: str, store: Store) -> None:
    """Check validity, area and distance to the store with PostGIS. Raises InvalidZone."""
    geometry = func.ST_SetSRID(func.ST_GeomFromGeoJSON(shape), 4326)
    valid, reason = (
        await session.execute(select(func.ST_IsValid(geometry), func.ST_IsValidReason(geometry)))
    ).one()
    if not valid:
        message = f"The zone is no valid shape: {str(reason).split('[')[0].strip().lower()}."
        raise invalid_zone(ZoneFault.INVALID_SHAPE, message)
    area = func.geography(geometry)
    area_m2, distance_m = (
        await session.execute(
            select(func.ST_Area(area), func.ST_Distance(area, Store.point)).where(
                Store.id == store.id
            )
        )
    ).one()
    if area_m2 < MIN_AREA_SQUARE_METERS:
        raise invalid_zone(
            ZoneFault.TOO_SMALL, f"A zone covers at least {MIN_AREA_SQUARE_METERS} m²."
        )
    if area_m2 > MAX_AREA_SQUARE_METERS:
        message = f"A zone covers at most {MAX_AREA_SQUARE_METERS // 1_000_000} km²."
        raise invalid_zone(ZoneFault.TOO_LARGE, message)
    if distance_m > MAX_STORE_DISTANCE_METERS:
        message = (
            f"A zone comes within {MAX_STORE_DISTANCE_METERS} m of its store;"
            f" this one is {distance_m:.0f} m off."
        )
        raise invalid_zone(ZoneFault.TOO_FAR, message)


def _ring(ring: Any) -> list[list[float]]:
    positions = [list(_position(position)) for position in _list(ring)]
    if len(positions) < MIN_RING_POINTS:
        raise invalid_zone(ZoneFault.MALFORMED, f"A ring has at least {MIN_RING_POINTS} points.")
    if positions[0] != positions[-1]:
        raise invalid_zone(ZoneFault.OPEN_RING, "A ring ends where it begins.")
    return positions


def _position(position: Any) -> Iterator[float]:
    numbers = _list(position)
    if len(numbers) not in (2, 3):
        raise invalid_zone(ZoneFault.MALFORMED, "A position is a longitude and a latitude.")
    for value, limit in zip(numbers, (180.0, 90.0), strict=False):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid_zone(ZoneFault.MALFORMED, "A position is made of numbers.")
        if not isfinite(value) or abs(value) > limit:
            raise invalid_zone(ZoneFault.MALFORMED, f"{value:g} degrees are nowhere on earth.")
        yield float(value)


def _count_points(coordinates: Any) -> int:
    return sum(len(_list(ring)) for polygon in _list(coordinates) for ring in _list(polygon))


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise invalid_zone(ZoneFault.MALFORMED, "Coordinates are lists of lists of numbers.")


def invalid_zone(fault: ZoneFault, message: str) -> DomainError:
    """Return the error for a zone with this fault."""
    return DomainError(InvalidZone(path=["input", "area"], message=message, fault=fault))
