from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key


class DeliveryOfferStatus(NamedEnum):
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


class DeliveryOfferAction(NamedEnum):
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
    status: Mapped[DeliveryOfferStatus] = mapped_column(default=DeliveryOfferStatus.OFFERED)
    dispatch_round: Mapped[int] = mapped_column(default=1)
    pickup_distance_meters: Mapped[int]
    pickup_eta_seconds: Mapped[int]
    dropoff_distance_meters: Mapped[int] = mapped_column(default=0)
    offered_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
