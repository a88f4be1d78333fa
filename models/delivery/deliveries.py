from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key
from models.delivery.reasons import DeliveryFailureReason, DeliveryOverrideReason
from models.geo_point import Point
from models.orders import AgeCheckResult


class DeliveryStatus(NamedEnum):
    """The status of a delivery, from the search for a rider to the customer or back."""

    SEARCHING = auto()
    """No rider has an open offer; the search continues."""
    OFFERED = auto()
    """A rider has an open offer."""
    ASSIGNED = auto()
    """A rider accepted."""
    EN_ROUTE_TO_STORE = auto()
    """The rider is heading to the store."""
    AT_STORE = auto()
    """The rider is at the store."""
    PICKED_UP = auto()
    """The rider has the bags."""
    EN_ROUTE_TO_CUSTOMER = auto()
    """The rider is heading to the customer."""
    ARRIVING = auto()
    """The rider is about a minute away."""
    AT_CUSTOMER = auto()
    """The rider is at the door."""
    DELIVERED = auto()
    """Handed to the customer. Final, unless support reopens the order."""
    ATTEMPT_FAILED = auto()
    """Nobody accepted the bags; the rider tries again, or starts the return."""
    RETURNING = auto()
    """The rider is bringing the bags back."""
    RETURNED = auto()
    """The store has the bags back. Final."""
    CANCELED = auto()
    """Canceled before pickup. Final."""


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
    ATTEMPT_AGAIN = auto()
    """Try to hand over the bags once more."""
    CHECK_AGE = auto()
    """Record what the customer showed as a proof of age."""
    START_RETURN = auto()
    """Bring the bags back to the store."""
    RETURN = auto()
    """The store takes the bags back."""
    REASSIGN = auto()
    """Give the delivery, with its bags, to another rider."""
    UNASSIGN = auto()
    """Take the delivery from its rider and search again."""


FINAL_DELIVERY_STATUSES = frozenset(
    {
        DeliveryStatus.DELIVERED,
        DeliveryStatus.RETURNED,
        DeliveryStatus.CANCELED,
    }
)
# Customers see the position of the rider in these states only.
TRACKED_STATUSES = frozenset(
    {
        DeliveryStatus.ASSIGNED,
        DeliveryStatus.EN_ROUTE_TO_STORE,
        DeliveryStatus.AT_STORE,
        DeliveryStatus.PICKED_UP,
        DeliveryStatus.EN_ROUTE_TO_CUSTOMER,
        DeliveryStatus.ARRIVING,
        DeliveryStatus.AT_CUSTOMER,
    }
)
# HANDED_TO_PARTNER is reserved for partner couriers: the indexes exclude it already.
OPEN_DELIVERY_SQL = "status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"


class Delivery(Entity):
    """The delivery of one fulfillment, with the parts of the order that the rider needs.

    After pickup a rider can be released: then there is no rider, `former_rider_id` had the
    bags last, and `needs_rider_since` is set until support assigns another one.
    """

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
        CheckConstraint("return_tries between 0 and 10", name="return_tries"),
        CheckConstraint("search_restarts between 0 and 10", name="search_restarts"),
        Index("ix_delivery_store_live", "store_id", "id", postgresql_where=text(OPEN_DELIVERY_SQL)),
    )

    fulfillment_id: Mapped[UUID] = foreign_key("fulfillment.id")
    order_id: Mapped[UUID] = foreign_key("order.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    rider_id: Mapped[UUID | None] = foreign_key("rider.id", nullable=True)
    rider_person_id: Mapped[UUID | None]
    status: Mapped[DeliveryStatus] = mapped_column(default=DeliveryStatus.SEARCHING)
    order_code: Mapped[str]
    customer_name: Mapped[str] = mapped_column(default="")
    minimum_age: Mapped[int | None]
    age_check_result: Mapped[AgeCheckResult | None]
    rider_name: Mapped[str] = mapped_column(default="")
    latitude: Mapped[float]
    longitude: Mapped[float]
    address_line: Mapped[str] = mapped_column(default="")
    delivery_instructions: Mapped[str] = mapped_column(default="")
    dropoff_distance_meters: Mapped[int] = mapped_column(default=0)
    dispatch_round: Mapped[int] = mapped_column(default=0)
    bag_count: Mapped[int] = mapped_column(default=0)
    arrived_at: Mapped[datetime | None]
    """Time of the arrival at the customer for the present attempt, as the rider reported it."""
    at_door_since: Mapped[datetime | None]
    """Time of the first position at the door in the present attempt: the wait counts from it."""
    handover_tries: Mapped[int] = mapped_column(default=0)
    pin_tries: Mapped[int] = mapped_column(default=0)
    failure_reason: Mapped[DeliveryFailureReason | None]
    failure_note: Mapped[str] = mapped_column(default="", server_default="")
    """What happened, in the words of whoever reported the failed attempt."""
    failed_attempt_count: Mapped[int] = mapped_column(default=0, server_default="0")
    fee_kept: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether the customer pays the delivery fee although the delivery failed."""
    return_code: Mapped[str | None] = mapped_column(info={"secret": True})
    return_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    override_reason: Mapped[DeliveryOverrideReason | None]
    override_note: Mapped[str] = mapped_column(default="", server_default="")
    former_rider_id: Mapped[UUID | None] = foreign_key("rider.id", nullable=True)
    former_carriers: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    """Ids of the persons who had the bags before: they confirm nothing about them for others."""
    needs_rider_since: Mapped[datetime | None]
    has_case: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether support has an unresolved case about it."""
    search_started_at: Mapped[datetime | None]
    """The time from which the age of the search counts; see `search_escalation.resume`."""
    search_restarts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many riders were lost before pickup; no more are counted than `resume` asks for."""
    search_step: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many steps of SEARCH_STEPS this search has reached."""
    silence_step: Mapped[int] = mapped_column(default=0, server_default="0")
    """1 once the silent rider was asked, 2 once support has a case."""
    assigned_at: Mapped[datetime | None]
    picked_up_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def dropoff_location(self) -> Point:
        """Where the bags go."""
        return Point(self.latitude, self.longitude)

    @property
    def live_rider_id(self) -> UUID | None:
        """The rider, until the delivery has ended."""
        return None if self.status in FINAL_DELIVERY_STATUSES else self.rider_id
