"""Delivery zones as GeoJSON: checked by hand for shape, by PostGIS for geometry, then stored."""

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
from services.core.problems import Problem, Refused
from services.stores.administration import managed

ZONE_POINTS = 5_000
ZONE_POLYGONS = 50
RING_POINTS_LEAST = 4
AREA_LEAST_M2 = 10_000
AREA_MOST_M2 = 1_000_000_000
STORE_AWAY_M = 3_000

Polygons = list[list[list[list[float]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidZone(Problem):
    """The area can't be a delivery zone; `fault` says why."""

    fault: ZoneFault


async def set_zone(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    area: Mapping[str, Any],
    expected_version: int | None = None,
) -> Store:
    """Replace a store's delivery zone (a GeoJSON Polygon or MultiPolygon); its manager may."""
    polygons = checked(area)
    row = await managed(session, actor, store_id, expected_version)
    if row.kind is StoreKind.WAREHOUSE:
        raise refused(ZoneFault.WAREHOUSE, "A warehouse delivers to stores only.")
    shape = orjson.dumps({"type": "MultiPolygon", "coordinates": polygons}).decode()
    await _measure(session, shape, row)
    zone = func.geography(func.ST_SetSRID(func.ST_GeomFromGeoJSON(shape), 4326))
    written = insert(StoreZone).values(store_id=store_id, company_id=row.company_id, area=zone)
    await session.execute(
        written.on_conflict_do_update(
            index_elements=["store_id"], set_={"area": written.excluded.area}
        )
    )
    row.version += 1
    await session.flush()
    return row


def checked(area: Mapping[str, Any]) -> Polygons:
    """The polygons of a GeoJSON geometry: closed rings of longitudes and latitudes, bounded.

    Third coordinates and foreign members are dropped. Refused with InvalidZone.
    """
    coordinates = area.get("coordinates")
    if area.get("type") == "Polygon":
        coordinates = [coordinates]
    elif area.get("type") != "MultiPolygon":
        raise refused(ZoneFault.MALFORMED, "A zone is a Polygon or a MultiPolygon.")
    if not 1 <= len(_list(coordinates)) <= ZONE_POLYGONS:
        said = f"A zone has from 1 to {ZONE_POLYGONS} polygons."
        raise refused(ZoneFault.MALFORMED, said)
    if _points(coordinates) > ZONE_POINTS:
        raise refused(ZoneFault.TOO_MANY_POINTS, f"A zone has at most {ZONE_POINTS} points.")
    polygons = [[_ring(ring) for ring in _list(polygon)] for polygon in _list(coordinates)]
    if not all(polygons):
        raise refused(ZoneFault.MALFORMED, "A polygon has at least one ring.")
    return polygons


async def zones(session: AsyncSession, store_ids: Sequence[UUID]) -> list[dict[str, Any] | None]:
    """Each store's zone as GeoJSON, None before one was set."""
    rows = await session.execute(
        select(StoreZone.store_id, func.ST_AsGeoJSON(StoreZone.area, 6)).where(
            StoreZone.store_id.in_(store_ids)
        )
    )
    found = {store_id: orjson.loads(text) for store_id, text in rows}
    return [found.get(store_id) for store_id in store_ids]


async def _measure(session: AsyncSession, shape: str, store: Store) -> None:
    """Refuse what PostGIS finds crossed, too small, too large or too far from its store."""
    geometry = func.ST_SetSRID(func.ST_GeomFromGeoJSON(shape), 4326)
    valid, why = (
        await session.execute(select(func.ST_IsValid(geometry), func.ST_IsValidReason(geometry)))
    ).one()
    if not valid:
        said = f"The zone is no valid shape: {str(why).split('[')[0].strip().lower()}."
        raise refused(ZoneFault.INVALID_SHAPE, said)
    area = func.geography(geometry)
    square_m, away_m = (
        await session.execute(
            select(func.ST_Area(area), func.ST_Distance(area, Store.point)).where(
                Store.id == store.id
            )
        )
    ).one()
    if square_m < AREA_LEAST_M2:
        raise refused(ZoneFault.TOO_SMALL, f"A zone covers at least {AREA_LEAST_M2} m².")
    if square_m > AREA_MOST_M2:
        said = f"A zone covers at most {AREA_MOST_M2 // 1_000_000} km²."
        raise refused(ZoneFault.TOO_LARGE, said)
    if away_m > STORE_AWAY_M:
        said = f"A zone comes within {STORE_AWAY_M} m of its store; this one is {away_m:.0f} m off."
        raise refused(ZoneFault.TOO_FAR, said)


def _ring(ring: Any) -> list[list[float]]:
    found = [list(_position(position)) for position in _list(ring)]
    if len(found) < RING_POINTS_LEAST:
        raise refused(ZoneFault.MALFORMED, f"A ring has at least {RING_POINTS_LEAST} points.")
    if found[0] != found[-1]:
        raise refused(ZoneFault.OPEN_RING, "A ring ends where it begins.")
    return found


def _position(position: Any) -> Iterator[float]:
    numbers = _list(position)
    if len(numbers) not in (2, 3):
        raise refused(ZoneFault.MALFORMED, "A position is a longitude and a latitude.")
    for value, most in zip(numbers, (180.0, 90.0), strict=False):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refused(ZoneFault.MALFORMED, "A position is made of numbers.")
        if not isfinite(value) or abs(value) > most:
            raise refused(ZoneFault.MALFORMED, f"{value:g} degrees are nowhere on earth.")
        yield float(value)


def _points(coordinates: Any) -> int:
    return sum(len(_list(ring)) for polygon in _list(coordinates) for ring in _list(polygon))


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise refused(ZoneFault.MALFORMED, "Coordinates are lists of lists of numbers.")


def refused(fault: ZoneFault, message: str) -> Refused:
    """The refusal of a zone for this fault."""
    return Refused(InvalidZone(path=["input", "area"], message=message, fault=fault))
