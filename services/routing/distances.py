"""Estimates travel: great-circle distance, a detour factor and the speed of the vehicle."""

from math import asin, ceil, cos, radians, sin, sqrt

from models.geo_point import Point
from models.riders import VehicleKind
from services.stores.delivery_estimates import DETOUR_FACTOR

EARTH_RADIUS_M = 6_371_009.0
SPEED_MPS = {
    VehicleKind.BICYCLE: 4.0,
    VehicleKind.E_BIKE: 5.5,
    VehicleKind.SCOOTER: 6.5,
    VehicleKind.CAR: 6.0,  # faster than a scooter on the street, but slower to park
}


def distance_m(start: Point, end: Point) -> float:
    """Great-circle distance in metres, by the haversine formula on the mean sphere."""
    start_latitude, end_latitude = radians(start.latitude), radians(end.latitude)
    longitude_delta = radians(end.longitude - start.longitude)
    haversine = (
        sin((end_latitude - start_latitude) / 2) ** 2
        + cos(start_latitude) * cos(end_latitude) * sin(longitude_delta / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(haversine)))


def eta_seconds(straight_line_m: float, vehicle: VehicleKind) -> int:
    """Seconds a vehicle needs over streets for a straight-line distance in metres."""
    return ceil(straight_line_m * DETOUR_FACTOR / SPEED_MPS[vehicle])
