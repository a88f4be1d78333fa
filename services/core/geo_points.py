"""Validates latitude and longitude that clients send."""

from dataclasses import replace
from math import isfinite

from models.geo_point import Point
from services.core.problems import DomainError, InvalidInput

MAX_LATITUDE_DEGREES = 90.0
MAX_LONGITUDE_DEGREES = 180.0
SWAPPED = "Latitude and longitude seem to be swapped."


def parse_point(latitude: float, longitude: float, *path: str) -> Point:
    """Return the point. Raises DomainError: InvalidInput for each value out of range."""
    problems = [
        InvalidInput(
            path=[*path, name], message=f"A {name} is from -{limit:g} to {limit:g} degrees."
        )
        for name, value, limit in (
            ("latitude", latitude, MAX_LATITUDE_DEGREES),
            ("longitude", longitude, MAX_LONGITUDE_DEGREES),
        )
        if not isfinite(value) or abs(value) > limit
    ]
    if problems and max(abs(latitude) / 2, abs(longitude)) <= MAX_LATITUDE_DEGREES:
        problems = [replace(one, message=f"{one.message} {SWAPPED}") for one in problems]
    if problems:
        raise DomainError(*problems)
    return Point(latitude, longitude)
