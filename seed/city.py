"""Reads the city: Porto's taxi stands as sites of dark stores, and the zones around them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import cos, hypot, radians
from pathlib import Path

from shapely import (
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    set_srid,
    to_wkb,
    transform,
    union_all,
    voronoi_polygons,
)
from shapely.geometry.base import BaseGeometry

DATA = Path(__file__).resolve().parent.parent / "data" / "city"
STANDS = DATA / "porto_taxi_stands.csv"
CENTER = (41.1579, -8.6291)
METERS_PER_DEGREE = 111_320.0
REACH_M = 4_000.0
WGS84 = 4326
OVERLAP_M = 2_000.0
CLOSE_BY_M = 1_000.0
OUTSKIRTS_M = 7_000.0
ZONE_TOLERANCE_M = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """A place that a store can stand at."""

    name: str
    latitude: float
    longitude: float

    @property
    def meters(self) -> tuple[float, float]:
        """East and north of the city's center; flat, which is right to 0.1 % over a city."""
        north = (self.latitude - CENTER[0]) * METERS_PER_DEGREE
        east = (self.longitude - CENTER[1]) * METERS_PER_DEGREE * cos(radians(CENTER[0]))
        return east, north


def sites() -> list[Site]:
    """The taxi stands of the city itself, without those far out."""
    with STANDS.open(encoding="utf-8-sig", newline="") as lines:
        stands = [
            Site(row["Descricao"].strip(), float(row["Latitude"]), float(row["Longitude"]))
            for row in csv.DictReader(lines)
            if row["Longitude"]  # one line of the source lacks a comma, and so a longitude
        ]
    return [stand for stand in stands if hypot(*stand.meters) < OUTSKIRTS_M]


def spread(candidates: Sequence[Site], count: int, taken: Sequence[Site] = ()) -> list[Site]:
    """Choose sites one by one, each the farthest from those chosen before."""
    middle = min(candidates, key=lambda site: hypot(*site.meters))
    free = [site for site in candidates if site not in taken]
    chosen = [middle] if middle in free else [max(free, key=lambda site: _apart(site, taken))]
    while len(chosen) < count:
        left = [site for site in free if site not in chosen]
        chosen.append(max(left, key=lambda site: _apart(site, chosen)))
    return chosen


def _apart(site: Site, others: Sequence[Site]) -> float:
    east, north = site.meters
    return min(hypot(east - e, north - n) for e, n in (other.meters for other in others))


def zones(chosen: Sequence[Site]) -> list[MultiPolygon]:
    """One zone a store, in degrees: what is nearest to it and a belt around that, within reach.

    Places that no second store reaches are left out, except close by, so that nearly everybody
    who is served can be served by another store when the first one can't.
    """
    points = [Point(site.meters) for site in chosen]
    cells = voronoi_polygons(MultiPoint(points), extend_to=Point(0, 0).buffer(2 * OUTSKIRTS_M))
    wide = []
    for point in points:
        cell = next(cell for cell in cells.geoms if cell.covers(point))
        wide.append(cell.buffer(OVERLAP_M).intersection(point.buffer(REACH_M)))
    twice = union_all([one.intersection(other) for one, other in combinations(wide, 2)])
    found = []
    for point, zone in zip(points, wide, strict=True):
        kept = zone.intersection(twice.union(point.buffer(CLOSE_BY_M)))
        found.append(_degrees(kept.simplify(ZONE_TOLERANCE_M)))
    return found


def wire_form(zone: MultiPolygon) -> bytes:
    """The shape as PostGIS reads it in binary (extended WKB with its reference system)."""
    return bytes(to_wkb(set_srid(zone, WGS84), include_srid=True))


def _degrees(flat: BaseGeometry) -> MultiPolygon:
    """The shape, given in metres from the center, as longitudes and latitudes."""
    scale = (METERS_PER_DEGREE * cos(radians(CENTER[0])), METERS_PER_DEGREE)
    shape = transform(flat, lambda points: points / scale + (CENTER[1], CENTER[0]))
    return MultiPolygon([shape]) if isinstance(shape, Polygon) else MultiPolygon(shape.geoms)
