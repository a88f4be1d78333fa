"""Reads the shape of a delivery zone from GeoJSON, and says where in it a problem is.

A zone is small, so its rings are first laid out without a jump at the 180th meridian: each
position is within 180 degrees of the one before. Then a plane is close enough to the sphere to
test validity.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, hypot, isfinite, radians, sin, sqrt
from typing import Any

from models.message_text import number_text
from models.stores import InvalidZoneReason
from services.core.problems import DomainError, Problem

MAX_SENT_POINTS = 5_000
MAX_ZONE_POLYGONS = 50
MIN_RING_POINTS = 4
MAX_EXTENT_METERS = 500_000
"""Far below the half of the earth, where an edge has no direction."""
CLOSING_DEGREES = 1e-7
"""A ring whose ends are this close (1 cm) is closed: programs round differently."""
EARTH_RADIUS_METERS = 6_371_000
MAX_LONGITUDE, MAX_LATITUDE = 360.0, 90.0
COLLECTIONS = {"Feature": "geometry", "FeatureCollection": "features",
               "GeometryCollection": "geometries"}  # fmt: skip

MAX_DEPTH = 3  # a collection of features of collections

Position = tuple[float, float]
Polygons = list[list[list[Position]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePlace:
    """A position in a zone; indexes begin at 0, as in GeoJSON."""

    polygon: int
    ring: int
    point: int
    longitude: float
    latitude: float

    def __str__(self) -> str:
        ring = f"ring {self.ring} of polygon {self.polygon}"
        return f"point {self.point} of {ring} [{self.longitude:g}, {self.latitude:g}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidZone(Problem):
    """The area is no valid delivery zone; `reason` tells why, `place` where if it is one place."""

    reason: InvalidZoneReason
    place: ZonePlace | None = None


def invalid_zone(
    fault: InvalidZoneReason, message: str, place: ZonePlace | None = None
) -> DomainError:
    """Return the error for a zone with this fault; a place is added to the message."""
    where = f" See {place}." if place else ""
    return DomainError(
        InvalidZone(
            path=["input", "deliveryZone"], message=message + where, reason=fault, place=place
        )
    )


def parse_polygons(area: Mapping[str, Any]) -> Polygons:
    """Return the polygons of a Polygon or MultiPolygon, or of a feature or collection of them.

    Rings are closed and have no jump at the 180th meridian. Third coordinates and foreign members
    are dropped. Raises DomainError: InvalidZone.
    """
    polygons = [_list(polygon) for polygon in _collect(area)]
    if not 1 <= len(polygons) <= MAX_ZONE_POLYGONS:
        message = f"A zone has from 1 to {MAX_ZONE_POLYGONS} polygons."
        raise invalid_zone(InvalidZoneReason.MALFORMED, message)
    if sum(len(_list(ring)) for polygon in polygons for ring in polygon) > MAX_SENT_POINTS:
        raise invalid_zone(
            InvalidZoneReason.TOO_MANY_POINTS,
            f"A zone is sent with at most {number_text(MAX_SENT_POINTS)} points.",
        )
    if not all(polygons):
        raise invalid_zone(InvalidZoneReason.MALFORMED, "A polygon has at least one ring.")
    parsed = [
        [_parse_ring(ring, nth, number) for number, ring in enumerate(polygon)]
        for nth, polygon in enumerate(polygons)
    ]
    return _lay_out(parsed)


def flipped(polygons: Polygons) -> Polygons | None:
    """The polygons with latitude and longitude exchanged; None if that is nowhere on earth."""
    exchanged = [[[(y, x) for x, y in ring] for ring in polygon] for polygon in polygons]
    return exchanged if all(abs(y) <= MAX_LATITUDE for *_, y in _positions(exchanged)) else None


def place_near(polygons: Polygons, longitude: float, latitude: float) -> ZonePlace:
    """The position that begins the edge nearest to a point."""

    def distance(place: tuple[int, int, int, float, float]) -> float:
        polygon, number, point, x, y = place
        ring = polygons[polygon][number]
        following = ring[min(point + 1, len(ring) - 1)]
        return _distance_to_edge((longitude, latitude), (x, y), following)

    return _place(min(_indexed(polygons), key=distance))


def _collect(area: Any, depth: int = 0) -> Iterator[Any]:
    """The coordinates of all polygons of a geometry, feature or collection."""
    kind = area.get("type") if isinstance(area, dict) else None
    match kind:
        case "Polygon":
            yield area.get("coordinates")
        case "MultiPolygon":
            yield from _list(area.get("coordinates"))
        case "Feature" | "GeometryCollection" | "FeatureCollection" if depth < MAX_DEPTH:
            members = area.get(COLLECTIONS[kind])
            for member in members if isinstance(members, list) else [members]:
                yield from _collect(member, depth + 1)
        case _:
            found = f"; this has a {kind}" if isinstance(kind, str) and kind else ""
            message = f"A zone is a Polygon or a MultiPolygon, or a Feature of one{found[:40]}."
            raise invalid_zone(InvalidZoneReason.MALFORMED, message)


def _parse_ring(value: Any, polygon: int, number: int) -> list[Position]:
    ring = [
        _parse_position(position, polygon, number, point)
        for point, position in enumerate(_list(value))
    ]
    if len(ring) < MIN_RING_POINTS:
        message = f"A ring has at least {MIN_RING_POINTS} points: ring {number} of polygon"
        raise invalid_zone(InvalidZoneReason.MALFORMED, f"{message} {polygon} has {len(ring)}.")
    (x, y), (last_x, last_y) = ring[0], ring[-1]
    if hypot((x - last_x + 180) % 360 - 180, y - last_y) > CLOSING_DEGREES:
        place = _place((polygon, number, len(ring) - 1, last_x, last_y))
        raise invalid_zone(InvalidZoneReason.OPEN_RING, "A ring ends where it begins.", place)
    return [*ring[:-1], ring[0]]


def _parse_position(value: Any, polygon: int, number: int, point: int) -> Position:
    where = f"point {point} of ring {number} of polygon {polygon}"
    numbers = _list(value)
    if len(numbers) not in (2, 3):
        message = f"A position is a longitude and a latitude: {where} is not."
        raise invalid_zone(InvalidZoneReason.MALFORMED, message)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers[:2]):
        raise invalid_zone(
            InvalidZoneReason.MALFORMED, f"A position is made of numbers: {where} is not."
        )
    x, y = numbers[:2]
    if not (isfinite(x) and isfinite(y) and abs(x) <= MAX_LONGITUDE and abs(y) <= MAX_LATITUDE):
        if isfinite(y) and abs(x) <= MAX_LATITUDE < abs(y) <= MAX_LONGITUDE / 2:
            place = _place((polygon, number, point, x, y))
            raise invalid_zone(
                InvalidZoneReason.SWAPPED_COORDINATES, "Longitude comes first.", place
            )
        message = f"[{x:g}, {y:g}] is nowhere on earth: {where}."
        raise invalid_zone(InvalidZoneReason.MALFORMED, message)
    return float(x), float(y)


def _lay_out(polygons: Polygons) -> Polygons:
    """The polygons without jumps of 360 degrees. Raises InvalidZone for one that is too large."""
    start = polygons[0][0][0][0]
    laid_out: Polygons = []
    for nth, polygon in enumerate(polygons):
        rings: list[list[Position]] = []
        for number, ring in enumerate(polygon):
            positions: list[Position] = []
            reference = rings[0][0][0] if rings else start
            for point, (x, y) in enumerate(ring):
                reference = x + 360 * round((reference - x) / 360)
                positions.append((reference, y))
                if _meters(positions[0], (reference, y)) > MAX_EXTENT_METERS:
                    message = f"A zone is not {MAX_EXTENT_METERS // 1000} km long."
                    place = _place((nth, number, point, x, y))
                    raise invalid_zone(InvalidZoneReason.TOO_LARGE, message, place)
            positions[-1] = positions[0]
            rings.append(positions)
        laid_out.append(rings)
    return laid_out


def _indexed(polygons: Polygons) -> Iterator[tuple[int, int, int, float, float]]:
    for nth, polygon in enumerate(polygons):
        for number, ring in enumerate(polygon):
            for point, (x, y) in enumerate(ring):
                yield nth, number, point, x, y


def _positions(polygons: Polygons) -> Iterator[Position]:
    return ((x, y) for *_, x, y in _indexed(polygons))


def _place(indexed: tuple[int, int, int, float, float]) -> ZonePlace:
    polygon, ring, point, x, y = indexed
    longitude = x if abs(x) <= MAX_LONGITUDE / 2 else (x + 180) % 360 - 180
    return ZonePlace(polygon=polygon, ring=ring, point=point, longitude=longitude, latitude=y)


def _distance_to_edge(point: Position, start: Position, end: Position) -> float:
    (x, y), (x0, y0), (x1, y1) = point, start, end
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    share = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0))


def _meters(one: Position, other: Position) -> float:
    """The distance of two positions on a sphere, by the haversine formula."""
    (x0, y0), (x1, y1) = one, other
    half_x, half_y = sin(radians(x1 - x0) / 2), sin(radians(y1 - y0) / 2)
    chord = half_y**2 + cos(radians(y0)) * cos(radians(y1)) * half_x**2
    return 2 * EARTH_RADIUS_METERS * asin(min(1.0, sqrt(chord)))


def _list(value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    raise invalid_zone(InvalidZoneReason.MALFORMED, "Coordinates are lists of lists of numbers.")
