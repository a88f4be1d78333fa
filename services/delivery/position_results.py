"""What is answered to a report of positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.delivery import RiderPosition
from services.delivery.position_validation import IgnoredPoint
from services.delivery.rider_positions import Fix, Standing


@dataclass(frozen=True, slots=True)
class Report:
    """A stored report: where the rider was seen, and the order whose customer may watch it."""

    rider: Standing
    fix: Fix
    seen_at: datetime
    order_id: UUID | None = None
    delivery_id: UUID | None = None
    eta_seconds: int | None = None
    moves: bool = False
    returns: bool = False
    """The rider was not to be seen, is free, and may be asked again."""

    @property
    def position(self) -> RiderPosition:
        """The position as its row has it."""
        return RiderPosition(
            rider_id=self.rider.rider_id,
            person_id=self.rider.person_id,
            company_id=self.rider.company_id,
            latitude=self.fix.latitude,
            longitude=self.fix.longitude,
            heading_degrees=self.fix.heading_degrees,
            speed_mps=self.fix.speed_mps,
            accuracy_m=self.fix.accuracy_m,
            seen_at=self.seen_at,
        )

    @property
    def told(self) -> dict[str, Any]:
        """The lossy value for whoever watches the ride."""
        return {
            "delivery_id": str(self.delivery_id),
            "rider_id": str(self.rider.rider_id),
            "latitude": self.fix.latitude,
            "longitude": self.fix.longitude,
            "heading_degrees": self.fix.heading_degrees,
            "speed_mps": self.fix.speed_mps,
            "accuracy_m": self.fix.accuracy_m,
            "seen_at": self.seen_at.isoformat(),
            "eta_seconds": self.eta_seconds,
        }


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of the points of one report: the newest that is believed, and the others."""

    report: Report | None
    accepted: int
    ignored: Sequence[IgnoredPoint]
