from datetime import datetime

import strawberry

from models import Vehicle
from services.sighting import Fix

DEVICE_TIME = "When the device says it happened; kept beside the server's time."


@strawberry.input(description="The shift that you begin.")
class RiderGoOnlineInput:
    vehicle: Vehicle | None = strawberry.field(
        default=None, description="What you ride today; what you rode last when left out."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="The shift that you end.")
class RiderGoOfflineInput:
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)


@strawberry.input(description="Where you are (WGS 84), at most four times a second.")
class RiderLocationReportInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    heading_degrees: float | None = strawberry.field(
        default=None, description="Where you are going, clockwise from north: 0 to 360."
    )
    speed_mps: float | None = strawberry.field(
        default=None, description="How fast, in metres a second, from 0 to 60."
    )
    accuracy_m: float | None = strawberry.field(
        default=None, description="How far off this may be, in metres, from 0 to 10,000."
    )
    device_time: datetime | None = strawberry.field(default=None, description=DEVICE_TIME)

    def fix(self) -> Fix:
        """The report as the service takes it."""
        return Fix(
            self.latitude, self.longitude, self.heading_degrees, self.speed_mps, self.accuracy_m
        )


@strawberry.input(description="Where you were at one moment (WGS 84).")
class RiderPointInput:
    latitude: float = strawberry.field(description="Degrees north, from -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, from -180 to 180.")
    ago_seconds: float = strawberry.field(
        description="How long before this report that was, by the device's stopwatch: its clock "
        "may be wrong. From 0 to 86,400."
    )
    heading_degrees: float | None = strawberry.field(
        default=None, description="Where you were going, clockwise from north: 0 to 360."
    )
    speed_mps: float | None = strawberry.field(
        default=None, description="How fast, in metres a second, from 0 to 60."
    )
    accuracy_m: float | None = strawberry.field(
        default=None, description="How far off this may be, in metres, from 0 to 10,000."
    )

    def fix(self) -> Fix:
        """The point as the service takes it."""
        return Fix(
            self.latitude,
            self.longitude,
            self.heading_degrees,
            self.speed_mps,
            self.accuracy_m,
            self.ago_seconds,
        )


@strawberry.input(description="Where you were since you last could say so.")
class RiderLocationReportBatchInput:
    points: list[RiderPointInput] = strawberry.field(
        description="From 1 to 100 points, the oldest first."
    )
