"""The GeoPoint type, and the field for rows with a latitude and a longitude."""

from typing import Any

import strawberry

from models.geo_point import Point
from resolvers.rules import Rule
from schema.backing import backed_by, column, field


@backed_by(Point, "A geographic location in degrees (WGS 84).")
class GeoPointType:
    latitude: float = column("Degrees north, from -90 to 90.")
    longitude: float = column("Degrees east, from -180 to 180.")


def geo_point_field(description: str, *, allow: Rule | None = None) -> Any:
    """Declare a GeoPoint field from the parent's `latitude` and `longitude`."""

    def read(parent: strawberry.Parent[Any]) -> Point:
        return Point(parent.latitude, parent.longitude)

    return field(read, description, allow=allow)
