"""Store sites and delivery zones: taxi stands of Porto serve as sites of dark stores."""

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
MAX_DELIVERY_DISTANCE_M = 4_000.0
WGS84 = 4326
OVERLAP_M = 2_000.0
SINGLE_COVERAGE_RADIUS_M = 1_000.0
CITY_RADIUS_M = 7_000.0
ZONE_TOLERANCE_M = 20.0


@dataclass(frozen=True, slots=True)
class StoreSite:
    """A possible location of a store."""

    name: str
    latitude: float
    longitude: float

    @property
    def meters(self) -> tuple[float, float]:
        """Meters east and north of the city's center; flat projection, error below 0.1 %."""
        north = (self.latitude - CENTER[0]) * METERS_PER_DEGREE
        east = (self.longitude - CENTER[1]) * METERS_PER_DEGREE * cos(radians(CENTER[0]))
        return east, north


def read_sites() -> list[StoreSite]:
    """The taxi stands within 7 km of the city's center."""
    with STANDS.open(encoding="utf-8-sig", newline="") as lines:
        stands = [
            StoreSite(row["Descricao"].strip(), float(row["Latitude"]), float(row["Longitude"]))
            for row in csv.DictReader(lines)
            if row["Longitude"]  # a line of the source has no longitude, for lack of a comma
        ]
    return [stand for stand in stands if hypot(*stand.meters) < CITY_RADIUS_M]


def choose_spread_out(
    candidates: Sequence[StoreSite], count: int, occupied: Sequence[StoreSite] = ()
) -> list[StoreSite]:
    """Choose sites one after another, each the farthest from those chosen before."""
    central = min(candidates, key=lambda site: hypot(*site.meters))
    free = [site for site in candidates if site not in occupied]
    chosen = (
        [central] if central in free else [max(free, key=lambda site: _distance_m(site, occupied))]
    )
    while len(chosen) < count:
        remaining = [site for site in free if site not in chosen]
        chosen.append(max(remaining, key=lambda site: _distance_m(site, chosen)))
    return chosen


def _distance_m(site: StoreSite, others: Sequence[StoreSite]) -> float:
    east, north = site.meters
    return min(hypot(east - e, north - n) for e, n in (other.meters for other in others))


def build_zones(chosen: Sequence[StoreSite]) -> list[MultiPolygon]:
    """One zone per store, in degrees: its Voronoi cell with a margin, within the delivery distance.

    Places that no second zone covers are excluded beyond 1 km, so that a second store can serve
    almost every customer.
    """
    points = [Point(site.meters) for site in chosen]
    cells = voronoi_polygons(MultiPoint(points), extend_to=Point(0, 0).buffer(2 * CITY_RADIUS_M))
    wide_zones = []
    for point in points:
        cell = next(cell for cell in cells.geoms if cell.covers(point))
        wide_zones.append(
            cell.buffer(OVERLAP_M).intersection(point.buffer(MAX_DELIVERY_DISTANCE_M))
        )
    covered_twice = union_all(
        [one.intersection(other) for one, other in combinations(wide_zones, 2)]
    )
    zones = []
    for point, zone in zip(points, wide_zones, strict=True):
        allowed = zone.intersection(covered_twice.union(point.buffer(SINGLE_COVERAGE_RADIUS_M)))
        zones.append(_to_degrees(allowed.simplify(ZONE_TOLERANCE_M)))
    return zones


def to_ewkb(zone: MultiPolygon) -> bytes:
    """The zone as EWKB with its SRID, PostGIS's binary format."""
    return bytes(to_wkb(set_srid(zone, WGS84), include_srid=True))


def _to_degrees(geometry: BaseGeometry) -> MultiPolygon:
    """Convert meters from the center to longitude and latitude."""
    scale = (METERS_PER_DEGREE * cos(radians(CENTER[0])), METERS_PER_DEGREE)
    shape = transform(geometry, lambda points: points / scale + (CENTER[1], CENTER[0]))
    return MultiPolygon([shape]) if isinstance(shape, Polygon) else MultiPolygon(shape.geoms)
