"""How far and how long: straight lines on the globe, stretched to streets, at a vehicle's speed."""

from math import asin, ceil, cos, radians, sin, sqrt

from models.delivery import Vehicle
from models.geo_point import Point
from services.stores.delivery_estimates import DETOUR

EARTH_RADIUS_M = 6_371_009.0
SPEED_MPS = {
    Vehicle.BICYCLE: 4.0,
    Vehicle.E_BIKE: 5.5,
    Vehicle.SCOOTER: 6.5,
    Vehicle.CAR: 6.0,  # faster on the road, slower to park
}


def distance_m(one: Point, other: Point) -> float:
    """Metres as the crow flies, by the haversine formula on the mean sphere."""
    north, south = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half)))


def eta_seconds(straight_m: float, vehicle: Vehicle) -> int:
    """Seconds that a vehicle needs for a straight line of `straight_m`, over streets."""
    return ceil(straight_m * DETOUR / SPEED_MPS[vehicle])
