from dataclasses import dataclass

from sqlalchemy import ColumnElement, Float, bindparam, func


@dataclass(frozen=True, slots=True)
class Point:
    """A geographic point in degrees (WGS 84)."""

    latitude: float
    longitude: float

    def geography(self) -> ColumnElement[object]:
        """Return the point as a PostGIS geography expression, which measures in metres."""
        point = func.ST_MakePoint(_degrees(self.longitude), _degrees(self.latitude))
        return func.geography(func.ST_SetSRID(point, 4326))


def _degrees(value: float) -> ColumnElement[float]:
    return bindparam(None, value, type_=Float(53), unique=True)
