from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers
from models.stores import point_of_row


class DeliveryStatus(Named):
    """One ride, from the search for a rider to the door (or back)."""

    SEARCHING = auto()
    OFFERED = auto()
    ASSIGNED = auto()
    TO_STORE = auto()
    AT_STORE = auto()
    PICKED_UP = auto()
    TO_CUSTOMER = auto()
    ARRIVING = auto()
    AT_CUSTOMER = auto()
    DELIVERED = auto()
    ATTEMPT_FAILED = auto()
    RETURNING = auto()
    RETURNED = auto()
    CANCELED = auto()


class FailReason(Named):
    """Why a rider could not hand the order over."""

    NOBODY_HOME = auto()
    WRONG_ADDRESS = auto()
    REFUSED = auto()
    UNSAFE = auto()
    DAMAGED = auto()


class DeliveryAction(Named):
    """A step that a rider, a store's staff or support can take with a delivery."""

    ARRIVE_AT_STORE = auto()
    PICK_UP = auto()
    ARRIVE_AT_CUSTOMER = auto()
    COMPLETE = auto()
    FAIL = auto()
    RETURN = auto()
    UNASSIGN = auto()


OVER = frozenset(
    {
        DeliveryStatus.DELIVERED,
        DeliveryStatus.RETURNED,
        DeliveryStatus.CANCELED,
    }
)
# A courier of a partner may end a ride some day: its name stands in the indexes already.
LIVE = "status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"


class Delivery(Keyed):
    """The ride of one fulfillment. What the rider must know stands here, not on the order."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_order", "order_id"),
        Index("uq_delivery_live", "fulfillment_id", unique=True, postgresql_where=text(LIVE)),
        Index("ix_delivery_rider", "rider_id", "id"),
        Index("ix_delivery_customer_live", "customer_id", postgresql_where=text(LIVE)),
        Index("ix_delivery_due", "due_at", postgresql_where=text("due_at is not null")),
        CheckConstraint("pin_tries between 0 and 10", name="pin_tries"),
        CheckConstraint("handover_tries between 0 and 10", name="handover_tries"),
    )

    fulfillment_id: Mapped[UUID] = refers("fulfillment.id")
    order_id: Mapped[UUID] = refers("order.id")
    store_id: Mapped[UUID] = refers("store.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    rider_id: Mapped[UUID | None] = refers("rider.id", nullable=True)
    rider_person_id: Mapped[UUID | None]
    status: Mapped[DeliveryStatus] = mapped_column(default=DeliveryStatus.SEARCHING)
    order_code: Mapped[str]
    customer_name: Mapped[str] = mapped_column(default="")
    rider_name: Mapped[str] = mapped_column(default="")
    latitude: Mapped[float]
    longitude: Mapped[float]
    address_line: Mapped[str] = mapped_column(default="")
    drop_note: Mapped[str] = mapped_column(default="")
    distance_m: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(default=0)
    bags: Mapped[int] = mapped_column(default=0)
    handover_tries: Mapped[int] = mapped_column(default=0)
    pin_tries: Mapped[int] = mapped_column(default=0)
    fail_reason: Mapped[FailReason | None]
    assigned_at: Mapped[datetime | None]
    picked_up_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = at_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def live_rider_id(self) -> UUID | None:
        """Who rides, as long as the ride lasts."""
        return None if self.status in OVER else self.rider_id


class OfferStatus(Named):
    """A rider's answer to being asked."""

    OFFERED = auto()
    ACCEPTED = auto()
    DECLINED = auto()
    EXPIRED = auto()
    WITHDRAWN = auto()


class OfferAction(Named):
    """What a rider can do with an offer."""

    ACCEPT = auto()
    DECLINE = auto()


class DeliveryOffer(Keyed):
    """A delivery offered to one rider for some seconds, and why that rider."""

    __tablename__ = "delivery_offer"
    __table_args__ = (
        Index("ix_delivery_offer_delivery", "delivery_id"),
        Index("ix_delivery_offer_rider", "rider_id", "id"),
        Index(
            "uq_delivery_offer_live",
            "delivery_id",
            unique=True,
            postgresql_where=text("status = 'OFFERED'"),
        ),
        Index(
            "uq_delivery_offer_rider_live",
            "rider_id",
            unique=True,
            postgresql_where=text("status = 'OFFERED'"),
        ),
    )

    delivery_id: Mapped[UUID] = refers("delivery.id")
    rider_id: Mapped[UUID] = refers("rider.id")
    rider_person_id: Mapped[UUID]
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    status: Mapped[OfferStatus] = mapped_column(default=OfferStatus.OFFERED)
    round: Mapped[int] = mapped_column(default=1)
    distance_m: Mapped[int]
    eta_seconds: Mapped[int]
    ride_m: Mapped[int] = mapped_column(default=0)
    offered_at: Mapped[datetime] = at_now()
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


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


LINE_BYTES = 32_768


class DeliveryTrack(Base):
    """The way of one ride: `line` holds its points, delta-encoded in chunks as they came."""

    __tablename__ = "delivery_track"
    __table_args__ = (
        Index("ix_delivery_track_last", "last_at"),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("first_at <= last_at", name="times"),
    )

    delivery_id: Mapped[UUID] = refers("delivery.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    line: Mapped[bytes] = mapped_column(LargeBinary)
    points: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
