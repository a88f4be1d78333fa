from dataclasses import dataclass

from sqlalchemy import ColumnElement, Float, bindparam, func


@dataclass(frozen=True, slots=True)
class Point:
    """A place on earth in degrees (WGS 84)."""

    latitude: float
    longitude: float

    def geography(self) -> ColumnElement[object]:
        """This place as an expression that PostGIS measures in metres."""
        made = func.ST_MakePoint(_degrees(self.longitude), _degrees(self.latitude))
        return func.geography(func.ST_SetSRID(made, 4326))


def _degrees(value: float) -> ColumnElement[float]:
    return bindparam(None, value, type_=Float(53), unique=True)
