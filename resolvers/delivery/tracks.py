"""Tracks of deliveries."""

from typing import Annotated

import strawberry

from models.delivery import DeliveryTrack
from services.delivery.positions import tracks

Tolerance = Annotated[
    float,
    strawberry.argument(
        description="Maximum deviation of the simplified track, in metres, from 1 to 1,000."
    ),
]


def polyline(parent: strawberry.Parent[DeliveryTrack], tolerance_meters: Tolerance = 10.0) -> str:
    return tracks.polyline(parent, tolerance_meters)


def length_meters(parent: strawberry.Parent[DeliveryTrack]) -> int:
    return tracks.length_meters(parent)
