from datetime import date, datetime, time
from enum import auto
from typing import Any
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key

POINT = "ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography"


def generated_point_column(**options: Any) -> Any:
    """Declare a geography column generated from the row's latitude and longitude (WGS 84)."""
    geography = Geography("POINT", srid=4326, spatial_index=False)
    return mapped_column(geography, Computed(POINT, persisted=True), deferred=True, **options)


class StoreStatus(NamedEnum):
    """Whether a store takes orders, set by its manager, in addition to its opening hours."""

    OPEN = auto()
    """Takes orders during its opening hours."""
    PAUSED = auto()
    """Takes no orders during a break."""
    CLOSED = auto()
    """Takes no orders until a manager opens it."""


class StoreKind(NamedEnum):
    """A DARK_STORE serves customers; a WAREHOUSE serves stores only."""

    DARK_STORE = auto()
    """Delivers to customers within its zone."""
    WAREHOUSE = auto()
    """Supplies stores only; has no delivery zone."""


class UnserviceableReason(NamedEnum):
    """Why no store delivers to a location."""

    OUTSIDE_ZONES = auto()
    """No delivery zone covers the location."""
    CLOSED = auto()
    """Every store that covers the location is closed now."""
    PAUSED = auto()
    """The stores that cover the location have paused orders."""


class PickupUnavailableReason(NamedEnum):
    """Why an order cannot be collected from a store."""

    NOT_OFFERED = auto()
    """The store does not offer pickup."""
    CLOSED = auto()
    """The store is closed, or closes before the order would be ready."""
    PAUSED = auto()
    """The store has paused orders."""


class InvalidZoneReason(NamedEnum):
    """Why a delivery zone was refused."""

    MALFORMED = auto()
    """Not a GeoJSON Polygon or MultiPolygon of valid positions, or a Feature of one."""
    OPEN_RING = auto()
    """A ring does not end at its first point."""
    TOO_MANY_POINTS = auto()
    """It has more than 5,000 points, or more than 128 after it was simplified by 50 m."""
    INVALID_SHAPE = auto()
    """The geometry is invalid, such as a ring that crosses itself."""
    TOO_SMALL = auto()
    """The area is below the minimum of 0.01 km²."""
    TOO_LARGE = auto()
    """The area is above the maximum of 1,000 km²."""
    SWAPPED_COORDINATES = auto()
    """Latitude comes before longitude; GeoJSON has the longitude first."""
    TOO_FAR = auto()
    """The zone is more than 3 km away from its store."""
    WAREHOUSE = auto()
    """The store is a warehouse, which has no delivery zone."""


class Weekday(NamedEnum):
    """A day of the week in the store's own time zone."""

    MONDAY = auto()
    """Monday."""
    TUESDAY = auto()
    """Tuesday."""
    WEDNESDAY = auto()
    """Wednesday."""
    THURSDAY = auto()
    """Thursday."""
    FRIDAY = auto()
    """Friday."""
    SATURDAY = auto()
    """Saturday."""
    SUNDAY = auto()
    """Sunday."""


class Store(Entity):
    """A dark store with a delivery zone, or a warehouse."""

    __tablename__ = "store"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        Index("ix_store_point", "point", postgresql_using="gist"),
        CheckConstraint("latitude between -90 and 90", name="latitude"),
        CheckConstraint("reorder_point >= 0", name="reorder_point"),
        CheckConstraint("longitude between -180 and 180", name="longitude"),
        CheckConstraint("pickup_wait_seconds between 600 and 86400", name="pickup_wait_seconds"),
        CheckConstraint("business_day_start <= time '12:00'", name="business_day_start"),
        CheckConstraint("(day_kept is null) = (day_kept_until is null)", name="day_kept"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id", index=True)
    code: Mapped[str]
    name: Mapped[str]
    type: Mapped[StoreKind] = mapped_column(
        default=StoreKind.DARK_STORE, server_default=StoreKind.DARK_STORE
    )
    status: Mapped[StoreStatus] = mapped_column(default=StoreStatus.OPEN)
    latitude: Mapped[float]
    longitude: Mapped[float]
    point: Mapped[Any] = generated_point_column()
    timezone: Mapped[str] = mapped_column(default="UTC")
    business_day_start: Mapped[time] = mapped_column(default=time(0), server_default="00:00")
    """The local time at which a business day begins; sales before it belong to the day before."""
    day_kept: Mapped[date | None]
    day_kept_until: Mapped[datetime | None]
    """The business day of the newest change of its beginning or of the time zone, and its end."""
    date_kept: Mapped[date | None]
    """The date for last days of sale at that change: no earlier one comes again."""
    preparation_seconds: Mapped[int] = mapped_column(default=150)
    pickup_enabled: Mapped[bool] = mapped_column(default=False, server_default="false")
    pickup_wait_seconds: Mapped[int] = mapped_column(default=7200, server_default="7200")
    timer_overrides: Mapped[dict[str, int]] = mapped_column(JSONB, default={}, server_default="{}")
    """Timers in seconds that hold in this store instead of those of its company."""
    reorder_point: Mapped[int] = mapped_column(default=5, server_default="5")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = default_now()


class StoreZone(Base):
    """The delivery zone of a store: one multipolygon (WGS 84)."""

    __tablename__ = "store_zone"
    __table_args__ = (Index("ix_store_zone_area", "area", postgresql_using="gist"),)

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    area: Mapped[Any] = mapped_column(Geography("MULTIPOLYGON", srid=4326, spatial_index=False))


class StoreHours(Base):
    """One opening interval of a weekday (0 = Monday) in the store's own time zone.

    `closes` at or before `opens` means the interval runs past midnight. Those of a store do not
    overlap (`services.stores.opening_hours.set_hours`).
    """

    __tablename__ = "store_hours"
    __table_args__ = (CheckConstraint("weekday between 0 and 6", name="weekday"),)

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    opens: Mapped[time] = mapped_column(primary_key=True)
    closes: Mapped[time]
    company_id: Mapped[UUID] = foreign_key("company.id")
