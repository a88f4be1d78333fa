"""Encodes track points in few bytes, simplifies a track and writes it as a polyline.

A chunk holds its number of points, then for each point the differences in time (tenths of a
second), latitude and longitude (1e-5 degrees, about a metre) from the point before; the first
point's differences are from zero. Differences are zigzag varints, so a point per second of a
scooter takes four or five bytes. Every chunk can be decoded by itself: processes that append to
one track need not know of each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import cos, radians

from models.geo_point import Point
from services.routing.distances import distance_m

UNITS_PER_DEGREE = 100_000
UNITS_PER_SECOND = 10
METERS_PER_DEGREE = 111_195.0
POLYLINE_ASCII_OFFSET = 63
VARINT_VALUE_MASK = 0x7F
VARINT_CONTINUATION_BIT = 0x80


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A location of a rider and the time at which the rider was there."""

    recorded_at: datetime
    location: Point


def encode(points: Sequence[TrackPoint]) -> bytes:
    """One chunk with these points."""
    chunk = bytearray()
    _append_varint(chunk, len(points))
    previous = (0, 0, 0)
    for point in points:
        current = (
            round(point.recorded_at.timestamp() * UNITS_PER_SECOND),
            round(point.location.latitude * UNITS_PER_DEGREE),
            round(point.location.longitude * UNITS_PER_DEGREE),
        )
        for value, previous_value in zip(current, previous, strict=True):
            _append_varint(chunk, _zigzag(value - previous_value))
        previous = current
    return bytes(chunk)


def decode(chunks: bytes) -> list[TrackPoint]:
    """The points of all chunks, the earliest first. Raises ValueError for truncated bytes."""
    integers = _read_varints(chunks)
    points: list[TrackPoint] = []
    for count in integers:
        tenths = latitude = longitude = 0
        for _ in range(count):
            try:
                tenths += _unzigzag(next(integers))
                latitude += _unzigzag(next(integers))
                longitude += _unzigzag(next(integers))
            except StopIteration:
                raise ValueError("the line ends within a chunk") from None
            at = datetime.fromtimestamp(tenths / UNITS_PER_SECOND, UTC)
            points.append(
                TrackPoint(at, Point(latitude / UNITS_PER_DEGREE, longitude / UNITS_PER_DEGREE))
            )
    points.sort(key=lambda point: point.recorded_at)
    return points


def length_meters(points: Sequence[TrackPoint]) -> float:
    """The sum of the distances between successive points, in metres."""
    return sum(distance_m(start.location, end.location) for start, end in pairwise(points))


def simplify(points: Sequence[Point], tolerance_meters: float) -> list[Point]:
    """The points without those nearer than `tolerance_meters` to the line (Douglas-Peucker)."""
    if len(points) < 3:
        return list(points)
    plane = _project(points)
    kept_indexes = {0, len(plane) - 1}
    segments = [(0, len(plane) - 1)]
    while segments:
        first, last = segments.pop()
        farthest_index, squared_distance = _farthest(plane, first, last)
        if squared_distance > tolerance_meters * tolerance_meters:
            kept_indexes.add(farthest_index)
            segments += [(first, farthest_index), (farthest_index, last)]
    return [points[index] for index in sorted(kept_indexes)]


def encode_polyline(points: Iterable[Point]) -> str:
    """The points in the encoded polyline format that map libraries read, with five decimals."""
    parts: list[str] = []
    latitude = longitude = 0
    for point in points:
        current = (
            round(point.latitude * UNITS_PER_DEGREE),
            round(point.longitude * UNITS_PER_DEGREE),
        )
        parts += (
            _encode_difference(current[0] - latitude),
            _encode_difference(current[1] - longitude),
        )
        latitude, longitude = current
    return "".join(parts)


def _project(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Metres east and north of the first point: a plane is exact enough within a city."""
    start = points[0]
    meters_per_longitude_degree = METERS_PER_DEGREE * cos(radians(start.latitude))
    return [
        (
            (point.longitude - start.longitude) * meters_per_longitude_degree,
            (point.latitude - start.latitude) * METERS_PER_DEGREE,
        )
        for point in points
    ]


def _farthest(plane: Sequence[tuple[float, float]], first: int, last: int) -> tuple[int, float]:
    """The index of the point farthest from the segment between two, with its squared distance."""
    (x, y), (end_x, end_y) = plane[first], plane[last]
    along_x, along_y = end_x - x, end_y - y
    squared_length = along_x * along_x + along_y * along_y
    farthest_index, max_squared_distance = first, 0.0
    for index in range(first + 1, last):
        off_x, off_y = plane[index][0] - x, plane[index][1] - y
        if squared_length:
            fraction = min(1.0, max(0.0, (off_x * along_x + off_y * along_y) / squared_length))
            off_x -= fraction * along_x
            off_y -= fraction * along_y
        squared_distance = off_x * off_x + off_y * off_y
        if squared_distance > max_squared_distance:
            farthest_index, max_squared_distance = index, squared_distance
    return farthest_index, max_squared_distance


def _encode_difference(difference: int) -> str:
    value = _zigzag(difference)
    letters = []
    while value >= 0x20:
        letters.append(chr((0x20 | (value & 0x1F)) + POLYLINE_ASCII_OFFSET))
        value >>= 5
    letters.append(chr(value + POLYLINE_ASCII_OFFSET))
    return "".join(letters)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else ~(number << 1)


def _unzigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def _append_varint(chunk: bytearray, value: int) -> None:
    while value > VARINT_VALUE_MASK:
        chunk.append(value & VARINT_VALUE_MASK | VARINT_CONTINUATION_BIT)
        value >>= 7
    chunk.append(value)


def _read_varints(chunks: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in chunks:
        value |= (byte & VARINT_VALUE_MASK) << shift
        if byte & VARINT_CONTINUATION_BIT:
            shift += 7
        else:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("the line ends within a number")
