from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class DeliveryStatus(NamedEnum):
    """The status of a delivery, from the search for a rider to the customer or back."""

    SEARCHING = auto()
    """No rider has an open offer; the search goes on."""
    OFFERED = auto()
    """A rider has an open offer."""
    ASSIGNED = auto()
    """A rider accepted."""
    TO_STORE = auto()
    """The rider is heading to the store."""
    AT_STORE = auto()
    """The rider is at the store."""
    PICKED_UP = auto()
    """The rider has the bags."""
    TO_CUSTOMER = auto()
    """The rider is heading to the customer."""
    ARRIVING = auto()
    """The rider is about a minute away."""
    AT_CUSTOMER = auto()
    """The rider is at the door."""
    DELIVERED = auto()
    """Handed to the customer. Final."""
    ATTEMPT_FAILED = auto()
    """Nobody accepted the bags."""
    RETURNING = auto()
    """The rider is bringing the bags back."""
    RETURNED = auto()
    """The store has the bags back. Final."""
    CANCELED = auto()
    """Canceled before pickup. Final."""


class FailReason(NamedEnum):
    """The reason why a rider could not hand over an order."""

    NOBODY_HOME = auto()
    """Nobody opened within the waiting time."""
    WRONG_ADDRESS = auto()
    """The address is wrong or does not exist."""
    REFUSED = auto()
    """The recipient refused the bags."""
    UNSAFE = auto()
    """The location is unsafe for the rider."""
    DAMAGED = auto()
    """The goods were damaged on the way."""


class DeliveryAction(NamedEnum):
    """An action that a rider, store staff or support can take with a delivery."""

    ARRIVE_AT_STORE = auto()
    """The rider reports arrival at the store."""
    PICK_UP = auto()
    """The rider takes the bags with the handover code."""
    ARRIVE_AT_CUSTOMER = auto()
    """The rider reports arrival at the customer."""
    COMPLETE = auto()
    """The bags are handed over with the customer's PIN."""
    FAIL = auto()
    """The bags could not be handed over."""
    RETURN = auto()
    """The store takes the bags back."""
    UNASSIGN = auto()
    """Take the delivery from its rider and search again."""


FINAL_DELIVERY_STATUSES = frozenset(
    {
        DeliveryStatus.DELIVERED,
        DeliveryStatus.RETURNED,
        DeliveryStatus.CANCELED,
    }
)
# HANDED_TO_PARTNER is reserved for partner couriers: the indexes exclude it already.
OPEN_DELIVERY_SQL = "status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"


class Delivery(Entity):
    """The delivery of one fulfillment, with the parts of the order that the rider needs."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_order", "order_id"),
        Index(
            "uq_delivery_live",
            "fulfillment_id",
            unique=True,
            postgresql_where=text(OPEN_DELIVERY_SQL),
        ),
        Index("ix_delivery_rider", "rider_id", "id"),
        Index("ix_delivery_customer_live", "customer_id", postgresql_where=text(OPEN_DELIVERY_SQL)),
        Index("ix_delivery_due", "due_at", postgresql_where=text("due_at is not null")),
        CheckConstraint("pin_tries between 0 and 10", name="pin_tries"),
        CheckConstraint("handover_tries between 0 and 10", name="handover_tries"),
    )

    fulfillment_id: Mapped[UUID] = foreign_key("fulfillment.id")
    order_id: Mapped[UUID] = foreign_key("order.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID] = foreign_key("person.id")
    rider_id: Mapped[UUID | None] = foreign_key("rider.id", nullable=True)
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
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def live_rider_id(self) -> UUID | None:
        """The rider, until the delivery has ended."""
        return None if self.status in FINAL_DELIVERY_STATUSES else self.rider_id


class OfferStatus(NamedEnum):
    """The status of an offer to a rider."""

    OFFERED = auto()
    """Waits for the rider's answer until it expires."""
    ACCEPTED = auto()
    """The rider accepted. Final."""
    DECLINED = auto()
    """The rider declined. Final."""
    EXPIRED = auto()
    """The rider did not answer in time. Final."""
    WITHDRAWN = auto()
    """Withdrawn because the delivery was canceled. Final."""


class OfferAction(NamedEnum):
    """An action that a rider can take with an offer."""

    ACCEPT = auto()
    """Take the delivery."""
    DECLINE = auto()
    """Leave the delivery to another rider."""


class DeliveryOffer(Entity):
    """A delivery offered to one rider for some seconds, with distance and estimate."""

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

    delivery_id: Mapped[UUID] = foreign_key("delivery.id")
    rider_id: Mapped[UUID] = foreign_key("rider.id")
    rider_person_id: Mapped[UUID]
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    status: Mapped[OfferStatus] = mapped_column(default=OfferStatus.OFFERED)
    round: Mapped[int] = mapped_column(default=1)
    distance_m: Mapped[int]
    eta_seconds: Mapped[int]
    ride_m: Mapped[int] = mapped_column(default=0)
    offered_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


MAX_TRACK_BYTES = 32_768


class DeliveryTrack(Base):
    """The track of one delivery: `line` holds its points, encoded by the track codec."""

    __tablename__ = "delivery_track"
    __table_args__ = (
        Index("ix_delivery_track_last", "last_at"),
        CheckConstraint("points > 0", name="points"),
        CheckConstraint("first_at <= last_at", name="times"),
    )

    delivery_id: Mapped[UUID] = foreign_key("delivery.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    line: Mapped[bytes] = mapped_column(LargeBinary)
    points: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
