"""Results of position reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.delivery import DeliveryStatus
from models.riders import RiderLocation
from services.delivery.positions.position_validation import RejectedLocation
from services.delivery.positions.rider_positions import GpsReading, RiderState


@dataclass(frozen=True, slots=True)
class PositionReport:
    """A stored position, the delivery of its rider, and what the position causes."""

    rider: RiderState
    reading: GpsReading
    recorded_at: datetime
    order_id: UUID | None = None
    delivery_id: UUID | None = None
    eta_seconds: int | None = None
    advances_delivery: bool = False
    shows_arrival: bool = False
    """It is the first position at the door since the rider reported the arrival."""
    wakes_searches: bool = False
    """The rider is free and had no fresh position before: searches can find them again."""

    @property
    def status(self) -> DeliveryStatus | None:
        """The status of the rider's delivery when the position came in."""
        delivery = self.rider.active_delivery
        return delivery.status if delivery else None

    @property
    def position(self) -> RiderLocation:
        """The position as its row."""
        return RiderLocation(
            rider_id=self.rider.rider_id,
            person_id=self.rider.person_id,
            company_id=self.rider.company_id,
            latitude=self.reading.latitude,
            longitude=self.reading.longitude,
            heading_degrees=self.reading.heading_degrees,
            speed_meters_per_second=self.reading.speed_meters_per_second,
            accuracy_meters=self.reading.accuracy_meters,
            recorded_at=self.recorded_at,
        )

    @property
    def live_message(self) -> dict[str, Any]:
        """The message for those who track the delivery; it may be lost."""
        return {
            "delivery_id": str(self.delivery_id),
            "rider_id": str(self.rider.rider_id),
            "latitude": self.reading.latitude,
            "longitude": self.reading.longitude,
            "heading_degrees": self.reading.heading_degrees,
            "speed_meters_per_second": self.reading.speed_meters_per_second,
            "accuracy_meters": self.reading.accuracy_meters,
            "recorded_at": self.recorded_at.isoformat(),
            "eta_seconds": self.eta_seconds,
        }


@dataclass(frozen=True, slots=True)
class PositionReportResult:
    """The newest accepted point of a report, the number of accepted ones, the ignored ones."""

    report: PositionReport | None
    accepted: int
    ignored: Sequence[RejectedLocation]
