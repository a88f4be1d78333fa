"""Scalars by name, for inputs; how they are written and read stands in `schema.scalars`."""

from typing import NewType

import strawberry

from models.geo_point import Point
from services.core.geo_points import point

BigInt = NewType("BigInt", int)
GeoJSON = NewType("GeoJSON", dict)  # type: ignore[type-arg] # a NewType over JSON


@strawberry.input(description="A place on earth in degrees (WGS 84).")
class GeoPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")

    def point(self, *path: str) -> Point:
        """The place, refused at `path` when it is nowhere on earth."""
        return point(self.latitude, self.longitude, *path)
