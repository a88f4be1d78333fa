"""Delivery zones: `zone_shapes` reads them, PostGIS checks and simplifies them, then stored.

The time to find the stores of a place grows with the points of the zones around it, so a stored
zone has at most MAX_ZONE_POINTS (docs/decisions/0018-points-of-a-zone.md).
"""

from collections.abc import Mapping, Sequence
from math import cos, radians
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Float, Integer, Row, Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.message_text import number_text
from models.stores import InvalidZoneReason, Store, StoreKind, StoreZone
from services.stores.administration import lock_managed_store
from services.stores.zone_shapes import (
    Polygons,
    flipped,
    invalid_zone,
    parse_polygons,
    place_near,
)

MAX_ZONE_POINTS = 128
SIMPLIFY_METERS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
MIN_AREA_SQUARE_METERS = 10_000
MAX_AREA_SQUARE_METERS = 1_000_000_000
MAX_STORE_DISTANCE_METERS = 3_000
METERS_PER_DEGREE = 111_195

FIRST_INVALID = text(
    """
    select detail.reason, st_x(detail.location) as longitude, st_y(detail.location) as latitude
    from unnest(:polygons) with ordinality as sent (shape, nth),
        st_isvaliddetail(st_geomfromgeojson(sent.shape)) as detail
    where not detail.valid order by sent.nth limit 1
    """
).bindparams(bindparam("polygons", type_=ARRAY(Text)))
# Polygons that touch or overlap become one. A degree of longitude is scaled to one of latitude, so
# that a tolerance means the same in both directions. The first sufficient tolerance is used, and a
# shape that needs none is stored as it was sent. ST_SimplifyPreserveTopology takes ten times what
# ST_Simplify takes, which leaves no more points: the tolerances are counted by that, and only from
# the first sufficient one on the shape is simplified with its topology.
MEASURE = text(
    """
    with recursive sent as (
        select st_setsrid(st_collect(st_geomfromgeojson(shape)), 4326) as shape
        from unnest(:polygons) as shape
    ), merged as materialized (
        select st_multi(case when st_numgeometries(shape) = 1 or st_isvalid(shape)
            then shape else st_unaryunion(shape) end) as shape from sent
    ), scaled as materialized (
        select st_scale(shape, :scale, 1) as shape from merged
    ), tolerances as materialized (
        select nth, tolerance, st_npoints(case when tolerance = 0 then shape
            else st_simplify(shape, tolerance / :degree) end) as points
        from scaled, unnest(:tolerances) with ordinality as tried (tolerance, nth)
    ), simpler (nth, shape) as (
        select coalesce(min(nth) filter (where points <= :max_points), max(nth)) - 1,
            null::geometry from tolerances
        union all
        select tolerances.nth, case when tolerance = 0 then merged.shape
            else st_multi(st_scale(st_simplifypreservetopology(
                scaled.shape, tolerance / :degree), 1 / :scale, 1)) end
        from simpler join tolerances on tolerances.nth = simpler.nth + 1, merged, scaled
        where simpler.shape is null or st_npoints(simpler.shape) > :max_points
    ), stored as materialized (
        select geography(shape) as area from simpler order by nth desc limit 1
    )
    select st_astext(stored.area) as area, st_npoints(geometry(stored.area)) as points,
        st_area(stored.area) as square_meters, st_distance(stored.area, store.point) as meters,
        st_distance(geography(st_setsrid(st_geomfromgeojson(:flipped), 4326)), store.point)
            as flipped_meters
    from stored, store where store.id = :store
    """
).bindparams(
    bindparam("polygons", type_=ARRAY(Text)),
    bindparam("tolerances", type_=ARRAY(Float(53))),
    bindparam("max_points", type_=Integer),
    *(bindparam(name, type_=Float(53)) for name in ("scale", "degree")),
    bindparam("flipped", type_=Text),
)


async def set_zone(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    area: Mapping[str, Any],
    expected_version: int | None = None,
) -> Store:
    """Replace a store's delivery zone (GeoJSON), simplified to MAX_ZONE_POINTS; for its managers.

    The same zone again keeps the version. Raises DomainError: NotFound, VersionConflict,
    InvalidZone.
    """
    polygons = parse_polygons(area)
    row = await lock_managed_store(session, actor, store_id, expected_version)
    if row.type is StoreKind.WAREHOUSE:
        raise invalid_zone(InvalidZoneReason.WAREHOUSE, "A warehouse delivers to stores only.")
    zone = await _checked_area(session, polygons, row)
    statement = insert(StoreZone).values(store_id=store_id, company_id=row.company_id, area=zone)
    new_area = statement.excluded.area
    changed = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=["store_id"],
            set_={"area": new_area},
            where=func.st_asbinary(StoreZone.area) != func.st_asbinary(new_area),
        ).returning(StoreZone.store_id)
    )
    row.version += changed is not None
    await session.flush()
    return row


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


async def _checked_area(session: AsyncSession, polygons: Polygons, store: Store) -> Any:
    """Check validity, area and distance to the store. Raises InvalidZone."""
    shapes = [_geojson("Polygon", polygon) for polygon in polygons]
    invalid = (await session.execute(FIRST_INVALID, {"polygons": shapes})).one_or_none()
    if invalid is not None:
        message = f"The zone is no valid shape: {invalid.reason.lower()}."
        place = None
        if invalid.longitude is not None:
            place = place_near(polygons, invalid.longitude, invalid.latitude)
        raise invalid_zone(InvalidZoneReason.INVALID_SHAPE, message, place)
    swapped = flipped(polygons)
    parameters = {
        "polygons": shapes,
        "tolerances": [0.0, *SIMPLIFY_METERS],
        "max_points": MAX_ZONE_POINTS,
        "scale": max(0.01, cos(radians(polygons[0][0][0][1]))),
        "degree": METERS_PER_DEGREE,
        "flipped": _geojson("MultiPolygon", swapped) if swapped else None,
        "store": store.id,
    }
    measured = (await session.execute(MEASURE, parameters)).one()
    _check_measures(measured)
    return measured.area


def _check_measures(measured: Row[Any]) -> None:
    """Raise InvalidZone for an area that is too small, too large, too far or too detailed."""
    if measured.square_meters < MIN_AREA_SQUARE_METERS:
        raise invalid_zone(
            InvalidZoneReason.TOO_SMALL,
            f"A zone covers at least {number_text(MIN_AREA_SQUARE_METERS)} m².",
        )
    if measured.square_meters > MAX_AREA_SQUARE_METERS:
        message = f"A zone covers at most {number_text(MAX_AREA_SQUARE_METERS // 1_000_000)} km²."
        raise invalid_zone(InvalidZoneReason.TOO_LARGE, message)
    if measured.meters > MAX_STORE_DISTANCE_METERS:
        flipped_meters = measured.flipped_meters
        if flipped_meters is not None and flipped_meters <= MAX_STORE_DISTANCE_METERS:
            message = "The positions are latitude and longitude; GeoJSON has the longitude first."
            raise invalid_zone(InvalidZoneReason.SWAPPED_COORDINATES, message)
        message = (
            f"A zone comes within {number_text(MAX_STORE_DISTANCE_METERS)} m of its store;"
            f" this one is {measured.meters:,.0f} m off."
        )
        raise invalid_zone(InvalidZoneReason.TOO_FAR, message)
    if measured.points > MAX_ZONE_POINTS:
        message = (
            f"A zone has at most {MAX_ZONE_POINTS} points; simplified by"
            f" {SIMPLIFY_METERS[-1]:g} m, this one has {number_text(measured.points)}."
        )
        raise invalid_zone(InvalidZoneReason.TOO_MANY_POINTS, message)


def _geojson(kind: str, coordinates: Any) -> str:
    return orjson.dumps({"type": kind, "coordinates": coordinates}).decode()
