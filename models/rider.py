from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, Named, at_now, refers
from models.store import point_of_row


class Vehicle(Named):
    """What a rider rides; decides the speed an estimate assumes."""

    BICYCLE = auto()
    E_BIKE = auto()
    SCOOTER = auto()
    CAR = auto()


class RiderStatus(Named):
    """OFFLINE riders get no offers and report no positions."""

    OFFLINE = auto()
    ONLINE = auto()


class RiderAction(Named):
    """What riders can do about their own shift."""

    GO_ONLINE = auto()
    GO_OFFLINE = auto()
    REPORT_LOCATION = auto()


class IgnoredPointReason(Named):
    """Why a point of a report was not believed."""

    IMPLAUSIBLE_JUMP = auto()
    TOO_SOON = auto()
    NOT_NEWER = auto()
    BEFORE_SHIFT = auto()


class Rider(Keyed):
    """A person who carries orders for a company; `live_delivery_id` is their one current ride."""

    __tablename__ = "rider"

    person_id: Mapped[UUID] = refers("person.id", unique=True)
    company_id: Mapped[UUID] = refers("company.id", index=True)
    vehicle: Mapped[Vehicle] = mapped_column(default=Vehicle.SCOOTER)
    status: Mapped[RiderStatus] = mapped_column(default=RiderStatus.OFFLINE)
    live_delivery_id: Mapped[UUID | None]
    online_since: Mapped[datetime | None]
    created_at: Mapped[datetime] = at_now()
    version: Mapped[int] = mapped_column(default=1)


class RiderPosition(Base):
    """Where a rider was last seen. Latest value only; unlogged: a crash may forget it."""

    __tablename__ = "rider_position"
    __table_args__: Any = (
        Index("ix_rider_position_point", "point", postgresql_using="gist"),
        {"prefixes": ["UNLOGGED"], "postgresql_with": {"fillfactor": 50}},
    )

    rider_id: Mapped[UUID] = refers("rider.id", primary_key=True)
    person_id: Mapped[UUID]
    company_id: Mapped[UUID]
    latitude: Mapped[float]
    longitude: Mapped[float]
    point: Mapped[Any] = point_of_row()
    heading_degrees: Mapped[float | None]
    speed_mps: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    seen_at: Mapped[datetime] = at_now()
