from datetime import datetime, time
from enum import auto
from typing import Any
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers

POINT = "ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography"


def point_of_row(**options: Any) -> Any:
    """A geography point generated from the row's own latitude and longitude (WGS 84)."""
    kind = Geography("POINT", srid=4326, spatial_index=False)
    return mapped_column(kind, Computed(POINT, persisted=True), deferred=True, **options)


class StoreStatus(Named):
    """Whether a store takes orders: the manager's switch, on top of its hours."""

    OPEN = auto()
    PAUSED = auto()
    CLOSED = auto()


class StoreKind(Named):
    """A DARK_STORE serves customers; a WAREHOUSE serves stores only."""

    DARK_STORE = auto()
    WAREHOUSE = auto()


class Unserved(Named):
    """Why nobody delivers to a place: no zone covers it, or each store there is shut or paused."""

    OUTSIDE_ZONES = auto()
    CLOSED = auto()
    PAUSED = auto()


class ZoneFault(Named):
    """What is wrong with a delivery zone."""

    MALFORMED = auto()
    OPEN_RING = auto()
    TOO_MANY_POINTS = auto()
    INVALID_SHAPE = auto()
    TOO_SMALL = auto()
    TOO_LARGE = auto()
    TOO_FAR = auto()
    WAREHOUSE = auto()


class Weekday(Named):
    """A day of the week in the store's own time zone."""

    MONDAY = auto()
    TUESDAY = auto()
    WEDNESDAY = auto()
    THURSDAY = auto()
    FRIDAY = auto()
    SATURDAY = auto()
    SUNDAY = auto()


class Store(Keyed):
    """A dark store: shelves, pickers and a zone it delivers to."""

    __tablename__ = "store"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        Index("ix_store_point", "point", postgresql_using="gist"),
        CheckConstraint("latitude between -90 and 90", name="latitude"),
        CheckConstraint("reorder_point >= 0", name="reorder_point"),
        CheckConstraint("longitude between -180 and 180", name="longitude"),
    )

    company_id: Mapped[UUID] = refers("company.id", index=True)
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[StoreKind] = mapped_column(
        default=StoreKind.DARK_STORE, server_default=StoreKind.DARK_STORE
    )
    status: Mapped[StoreStatus] = mapped_column(default=StoreStatus.OPEN)
    latitude: Mapped[float]
    longitude: Mapped[float]
    point: Mapped[Any] = point_of_row()
    timezone: Mapped[str] = mapped_column(default="UTC")
    preparation_seconds: Mapped[int] = mapped_column(default=150)
    reorder_point: Mapped[int] = mapped_column(default=5, server_default="5")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = at_now()


class StoreZone(Base):
    """Where a store delivers: one multipolygon (WGS 84)."""

    __tablename__ = "store_zone"
    __table_args__ = (Index("ix_store_zone_area", "area", postgresql_using="gist"),)

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    area: Mapped[Any] = mapped_column(Geography("MULTIPOLYGON", srid=4326, spatial_index=False))


class StoreHours(Base):
    """One opening interval of a weekday (0 = Monday) in the store's own time zone.

    `closes` at or before `opens` means the interval runs past midnight.
    """

    __tablename__ = "store_hours"
    __table_args__ = (CheckConstraint("weekday between 0 and 6", name="weekday"),)

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    opens: Mapped[time] = mapped_column(primary_key=True)
    closes: Mapped[time]
    company_id: Mapped[UUID] = refers("company.id")
