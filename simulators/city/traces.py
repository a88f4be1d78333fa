"""Taxi trips of Porto, fitted between the start and the end of a ride."""

import csv
import gzip
import json
import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil, hypot
from pathlib import Path

TRIPS = Path(__file__).resolve().parents[2] / "data" / "city" / "porto_taxi_1k_trips.csv.gz"
Place = tuple[float, float]
LEAST_POINTS, MOST_POINTS = 8, 120
LEAST_DEGREES = 0.005
DETOUR_MOST = 2.0
METERS_PER_DEGREE = 111_320.0


def trips() -> list[list[Place]]:
    """Trips as latitudes and longitudes, one each 15 s of the real ride, without the shortest."""
    found = []
    with gzip.open(TRIPS, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            points = [(lat, lon) for lon, lat in json.loads(row["POLYLINE"])]
            if LEAST_POINTS <= len(points) <= MOST_POINTS and _leads_somewhere(points):
                found.append(points)
    return found


def _leads_somewhere(points: Sequence[Place]) -> bool:
    """Not in a circle: stretched over a straight way, a circle would leave the city."""
    apart = hypot(points[-1][0] - points[0][0], points[-1][1] - points[0][1])
    return apart > LEAST_DEGREES and _length(points) < DETOUR_MOST * apart


def _length(points: Sequence[Place]) -> float:
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))


def fitted(trip: Sequence[Place], start: Place, end: Place, count: int) -> list[Place]:
    """`count` places from `start` to `end` along the trip, turned and stretched to fit.

    A plane is complex numbers: z → start + (z - z0) · (end - start) / (zn - z0) is the one
    similarity that maps the trip's ends to the ride's.
    """
    z = [complex(lat, lon) for lat, lon in trip]
    a, b = complex(*start), complex(*end)
    factor = (b - a) / (z[-1] - z[0])
    whole = [a + (one - z[0]) * factor for one in z]
    lengths = [0.0, *accumulate(abs(after - before) for before, after in pairwise(whole))]
    marks = [lengths[-1] * (nth + 1) / count for nth in range(count)]
    return [_at(whole, lengths, mark) for mark in marks]


def _at(points: Sequence[complex], lengths: Sequence[float], mark: float) -> Place:
    """The place that lies `mark` along the way."""
    before = max(0, min(bisect_left(lengths, mark) - 1, len(points) - 2))
    span = lengths[before + 1] - lengths[before]
    share = (mark - lengths[before]) / span if span else 1.0
    place = points[before] + (points[before + 1] - points[before]) * share
    return place.real, place.imag


class TripTraces:
    """Returns routes, the same ones for the same random generator."""

    def __init__(self) -> None:
        self._trips = trips()

    def way(self, luck: random.Random, start: Place, end: Place, step_m: float) -> list[Place]:
        """Places from start to end the way a taxi went, about `step_m` metres apart."""
        straight = hypot(end[0] - start[0], end[1] - start[1]) * METERS_PER_DEGREE
        steps = max(1, ceil(straight * DETOUR_MOST / step_m))
        return fitted(luck.choice(self._trips), start, end, steps)
