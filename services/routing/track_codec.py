"""The points of a way in few bytes, and the line that is drawn of them.

A chunk holds its number of points, then for each point the step in time (tenths of a second), in
latitude and in longitude (1e-5 degrees, about a metre) since the point before; the first one's
since zero. Steps are zigzag varints, so a second on a scooter takes four or five bytes. Every chunk
can be read by itself: processes that append to one line need not know of each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import cos, radians

from models.geo_point import Point
from services.routing.distances import distance_m

GRAIN = 100_000  # steps in a degree
TENTHS = 10
METERS_IN_DEGREE = 111_195.0
ASCII_BASE = 63
SEVEN = 0x7F
MORE = 0x80


@dataclass(frozen=True, slots=True)
class Seen:
    """A point of a way and when the rider was there."""

    at: datetime
    place: Point


def encode(points: Sequence[Seen]) -> bytes:
    """One chunk of these points."""
    out = bytearray()
    _put(out, len(points))
    before = (0, 0, 0)
    for one in points:
        now = (
            round(one.at.timestamp() * TENTHS),
            round(one.place.latitude * GRAIN),
            round(one.place.longitude * GRAIN),
        )
        for here, there in zip(now, before, strict=True):
            _put(out, _zigzag(here - there))
        before = now
    return bytes(out)


def decode(line: bytes) -> list[Seen]:
    """The points of all chunks, the earliest first; raises ValueError when the bytes are torn."""
    numbers = _numbers(line)
    points: list[Seen] = []
    for count in numbers:
        tenths = north = east = 0
        for _ in range(count):
            try:
                tenths += _unzigzag(next(numbers))
                north += _unzigzag(next(numbers))
                east += _unzigzag(next(numbers))
            except StopIteration:
                raise ValueError("the line ends within a chunk") from None
            at = datetime.fromtimestamp(tenths / TENTHS, UTC)
            points.append(Seen(at, Point(north / GRAIN, east / GRAIN)))
    points.sort(key=lambda one: one.at)
    return points


def length_m(points: Sequence[Seen]) -> float:
    """Metres from the first point to the last, from one to the next."""
    return sum(distance_m(a.place, b.place) for a, b in pairwise(points))


def simplified(places: Sequence[Point], tolerance_m: float) -> list[Point]:
    """The line without the points that it passes within `tolerance_m` (Douglas and Peucker)."""
    if len(places) < 3:
        return list(places)
    flat = _flat(places)
    kept = {0, len(flat) - 1}
    open_parts = [(0, len(flat) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        farthest, apart = _farthest(flat, first, last)
        if apart > tolerance_m * tolerance_m:
            kept.add(farthest)
            open_parts += [(first, farthest), (farthest, last)]
    return [places[nth] for nth in sorted(kept)]


def polyline(places: Iterable[Point]) -> str:
    """The line as text, five decimals: the encoded polyline format that map libraries draw."""
    out: list[str] = []
    north = east = 0
    for place in places:
        here = round(place.latitude * GRAIN), round(place.longitude * GRAIN)
        out += (_letters(here[0] - north), _letters(here[1] - east))
        north, east = here
    return "".join(out)


def _flat(places: Sequence[Point]) -> list[tuple[float, float]]:
    """Metres east and north of the first point: flat is near enough within a city."""
    start = places[0]
    wide = METERS_IN_DEGREE * cos(radians(start.latitude))
    return [
        (
            (one.longitude - start.longitude) * wide,
            (one.latitude - start.latitude) * METERS_IN_DEGREE,
        )
        for one in places
    ]


def _farthest(flat: Sequence[tuple[float, float]], first: int, last: int) -> tuple[int, float]:
    """The point between two that is farthest from the stretch between them, in square metres."""
    (x, y), (end_x, end_y) = flat[first], flat[last]
    along_x, along_y = end_x - x, end_y - y
    length = along_x * along_x + along_y * along_y
    found, most = first, 0.0
    for nth in range(first + 1, last):
        off_x, off_y = flat[nth][0] - x, flat[nth][1] - y
        if length:
            part = min(1.0, max(0.0, (off_x * along_x + off_y * along_y) / length))
            off_x -= part * along_x
            off_y -= part * along_y
        apart = off_x * off_x + off_y * off_y
        if apart > most:
            found, most = nth, apart
    return found, most


def _letters(step: int) -> str:
    value = _zigzag(step)
    out = []
    while value >= 0x20:
        out.append(chr((0x20 | (value & 0x1F)) + ASCII_BASE))
        value >>= 5
    out.append(chr(value + ASCII_BASE))
    return "".join(out)


def _zigzag(step: int) -> int:
    return step << 1 if step >= 0 else ~(step << 1)


def _unzigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def _put(out: bytearray, value: int) -> None:
    while value > SEVEN:
        out.append(value & SEVEN | MORE)
        value >>= 7
    out.append(value)


def _numbers(line: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in line:
        value |= (byte & SEVEN) << shift
        if byte & MORE:
            shift += 7
        else:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("the line ends within a number")
