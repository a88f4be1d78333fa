"""Inputs and scalar types that several domains use; `schema.scalars` defines the scalars."""

from typing import NewType

import strawberry

from models.geo_point import Point
from services.core.geo_points import parse_point

BigInt = NewType("BigInt", int)
GeoJSON = NewType("GeoJSON", dict)  # type: ignore[type-arg] # a NewType over JSON


@strawberry.input(description="A geographic location in degrees (WGS 84).")
class GeoPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")

    def to_point(self, *path: str) -> Point:
        """Return the point. Raises DomainError: InvalidInput at `path` for degrees out of range."""
        return parse_point(self.latitude, self.longitude, *path)
