"""Places that people send: a latitude and a longitude, refused when they are nowhere on earth."""

from math import isfinite

from models.geo_point import Point
from services.core.problems import InvalidInput, Refused

LATITUDE_MOST = 90.0
LONGITUDE_MOST = 180.0


def point(latitude: float, longitude: float, *path: str) -> Point:
    """The place at these degrees; refused with every value that is out of range."""
    reasons = [
        InvalidInput(path=[*path, name], message=f"A {name} is from -{most:g} to {most:g} degrees.")
        for name, value, most in (
            ("latitude", latitude, LATITUDE_MOST),
            ("longitude", longitude, LONGITUDE_MOST),
        )
        if not isfinite(value) or abs(value) > most
    ]
    if reasons:
        raise Refused(*reasons)
    return Point(latitude, longitude)
