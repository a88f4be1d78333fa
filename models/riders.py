from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key
from models.stores import generated_point_column


class VehicleKind(NamedEnum):
    """A rider's vehicle; it determines the speed of arrival estimates."""

    BICYCLE = auto()
    """A bicycle."""
    E_BIKE = auto()
    """An electric bicycle."""
    SCOOTER = auto()
    """A motor scooter."""
    CAR = auto()
    """A car."""


class RiderStatus(NamedEnum):
    """Whether a rider is on shift."""

    OFFLINE = auto()
    """Gets no offers and reports no positions."""
    ONLINE = auto()
    """On shift; gets offers and reports positions."""


class RiderAction(NamedEnum):
    """An action with the shift of a rider."""

    GO_ONLINE = auto()
    """Start the shift."""
    GO_OFFLINE = auto()
    """End the own shift; not during a delivery."""
    END_SHIFT = auto()
    """End the shift of a rider of the company; not during a delivery."""
    REPORT_LOCATION = auto()
    """Report the current position."""


class RejectedLocationReason(NamedEnum):
    """The reason why a reported point was ignored."""

    IMPLAUSIBLE_LOCATION = auto()
    """Too far from the previous point for the time between."""
    TOO_SOON = auto()
    """Less than a quarter second after the previous point."""
    NOT_NEWER = auto()
    """Not newer than the previous point."""
    BEFORE_SHIFT = auto()
    """Recorded before the current shift."""


class Rider(Entity):
    """A person who delivers orders for a company; `live_delivery_id` is their one open delivery.

    Who rides for several companies has a row for each, and is online for one at a time.
    """

    __tablename__ = "rider"
    __table_args__ = (
        Index("uq_rider_person_company", "person_id", "company_id", unique=True),
        Index(
            "uq_rider_online", "person_id", unique=True, postgresql_where=text("status = 'ONLINE'")
        ),
    )

    person_id: Mapped[UUID] = foreign_key("person.id")
    company_id: Mapped[UUID] = foreign_key("company.id", index=True)
    vehicle: Mapped[VehicleKind] = mapped_column(default=VehicleKind.SCOOTER)
    status: Mapped[RiderStatus] = mapped_column(default=RiderStatus.OFFLINE)
    live_delivery_id: Mapped[UUID | None]
    online_since: Mapped[datetime | None]
    last_shift_at: Mapped[datetime | None]
    """When the last shift began, also of riders who are offline now."""
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def online_id(self) -> UUID | None:
        """The id while the rider is on shift: the key of a position that may be seen."""
        return self.id if self.status is RiderStatus.ONLINE else None


class RiderLocation(Base):
    """The last reported position of a rider.

    The table is unlogged: a crash of the database empties it.
    """

    __tablename__ = "rider_position"
    __table_args__: Any = (
        Index("ix_rider_position_point", "point", postgresql_using="gist"),
        {"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": 50}},
    )

    rider_id: Mapped[UUID] = foreign_key("rider.id", primary_key=True)
    person_id: Mapped[UUID]
    company_id: Mapped[UUID]
    latitude: Mapped[float]
    longitude: Mapped[float]
    point: Mapped[Any] = generated_point_column()
    heading_degrees: Mapped[float | None]
    speed_meters_per_second: Mapped[float | None]
    accuracy_meters: Mapped[float | None]
    recorded_at: Mapped[datetime] = default_now()
