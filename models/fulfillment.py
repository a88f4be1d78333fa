from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Keyed, Named, at_now, minor, refers
from models.catalog import TemperatureZone


class FulfillmentStatus(Named):
    """The store's work on an order."""

    QUEUED = auto()
    ACCEPTED = auto()
    PICKING = auto()
    AWAITING_SUBSTITUTION = auto()
    PACKED = auto()
    STAGED = auto()
    HANDED_OVER = auto()
    REJECTED = auto()
    TIMED_OUT = auto()
    CANCELED = auto()
    RESTOCKED = auto()


class FulfillmentLineStatus(Named):
    """One line on the pick list."""

    PENDING = auto()
    FOUND = auto()
    SHORT = auto()
    SUBSTITUTE_PROPOSED = auto()
    SUBSTITUTED = auto()
    DECLINED = auto()


class FulfillmentAction(Named):
    """A step that store staff can take with a fulfillment."""

    ACCEPT = auto()
    REJECT = auto()
    PICK_LINE = auto()
    PACK = auto()
    STAGE = auto()


class RejectReason(Named):
    """Why a store turns an order down."""

    OUT_OF_STOCK = auto()
    TOO_BUSY = auto()
    CLOSING = auto()
    TECHNICAL = auto()


class Fulfillment(Keyed):
    """One store's task to pick and pack an order; a rejected one is followed by another store's."""

    __tablename__ = "fulfillment"
    __table_args__ = (
        Index("ix_fulfillment_order", "order_id"),
        Index(
            "ix_fulfillment_queue",
            "store_id",
            "id",
            postgresql_where=text(
                "status in ('QUEUED','ACCEPTED','PICKING','AWAITING_SUBSTITUTION',"
                "'PACKED','STAGED')"
            ),
        ),
        Index(
            "uq_fulfillment_live",
            "order_id",
            unique=True,
            postgresql_where=text("status not in ('REJECTED','TIMED_OUT','CANCELED','RESTOCKED')"),
        ),
        Index("ix_fulfillment_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    order_id: Mapped[UUID] = refers("order.id")
    store_id: Mapped[UUID] = refers("store.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    attempt: Mapped[int] = mapped_column(default=1)
    status: Mapped[FulfillmentStatus] = mapped_column(default=FulfillmentStatus.QUEUED)
    order_code: Mapped[str]
    customer_name: Mapped[str] = mapped_column(default="")
    handover_code: Mapped[str] = mapped_column(info={"secret": True})
    picker_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    reject_reason: Mapped[RejectReason | None]
    bags: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime] = at_now()
    accepted_at: Mapped[datetime | None]
    packed_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class FulfillmentLine(Keyed):
    """One line of a pick list.

    `damaged_quantity` units were found unfit on the way: those that others were taken for, too.
    What is sold by weight has its `unit_grams`, and all its pieces may weigh `most_grams`.
    """

    __tablename__ = "fulfillment_line"
    __table_args__ = (
        CheckConstraint("picked_quantity between 0 and quantity", name="picked_quantity"),
        CheckConstraint("damaged_quantity >= 0", name="damaged_quantity"),
        CheckConstraint("picked_grams between 1 and most_grams", name="picked_grams"),
        Index("ix_fulfillment_line_fulfillment", "fulfillment_id"),
    )

    fulfillment_id: Mapped[UUID] = refers("fulfillment.id")
    store_id: Mapped[UUID] = refers("store.id")
    order_line_id: Mapped[UUID] = refers("order_line.id")
    product_id: Mapped[UUID] = refers("product.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    position: Mapped[int]
    name: Mapped[str]
    aisle: Mapped[str] = mapped_column(default="")
    temperature_zone: Mapped[TemperatureZone] = mapped_column(
        default=TemperatureZone.AMBIENT, server_default="AMBIENT"
    )
    quantity: Mapped[int]
    picked_quantity: Mapped[int] = mapped_column(default=0)
    unit_grams: Mapped[int | None]
    most_grams: Mapped[int | None]
    picked_grams: Mapped[int | None]
    damaged_quantity: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[FulfillmentLineStatus] = mapped_column(default=FulfillmentLineStatus.PENDING)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id

    @property
    def missing_quantity(self) -> int:
        """Units that a picker looked for and did not find."""
        complete = self.status in (FulfillmentLineStatus.PENDING, FulfillmentLineStatus.FOUND)
        return 0 if complete else self.quantity - self.picked_quantity

    @property
    def unfit_quantity(self) -> int:
        """Units that the bag lacks because they are among the damaged: those are not lost."""
        return min(self.damaged_quantity, self.quantity - self.picked_quantity)

    @property
    def lost_quantity(self) -> int:
        """Units that a picker looked for and that are nowhere."""
        return max(0, self.missing_quantity - self.unfit_quantity)


# Sold units of a line that still stand on the shelf, for statements.
UNPICKED = func.greatest(
    FulfillmentLine.quantity - FulfillmentLine.picked_quantity - FulfillmentLine.damaged_quantity, 0
)


class SubstituteStatus(Named):
    """PROPOSED waits for the customer; RETURNED was taken, and went back with its order."""

    PROPOSED = auto()
    ACCEPTED = auto()
    DECLINED = auto()
    RETURNED = auto()


class SubstituteAction(Named):
    """What a customer can answer."""

    ACCEPT = auto()
    DECLINE = auto()


class Substitute(Keyed):
    """Another product that a picker puts in the bag for units of a line that were not there.

    Its units are off the shelf from the proposal on; of which batches they are is noted with those
    of its line.
    `total_minor` is what they cost the customer: never more than the missing units would have.
    """

    __tablename__ = "substitute"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("grams > 0", name="grams"),
        CheckConstraint("total_minor <= quantity * unit_price_minor", name="total"),
        Index("ix_substitute_order", "order_id"),
        Index("ix_substitute_fulfillment", "fulfillment_id"),
        Index(
            "uq_substitute_line",
            "fulfillment_line_id",
            unique=True,
            postgresql_where=text("status in ('PROPOSED', 'ACCEPTED')"),
        ),
        Index("ix_substitute_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    store_id: Mapped[UUID] = refers("store.id")
    order_id: Mapped[UUID] = refers("order.id")
    fulfillment_id: Mapped[UUID] = refers("fulfillment.id")
    fulfillment_line_id: Mapped[UUID] = refers("fulfillment_line.id")
    order_line_id: Mapped[UUID] = refers("order_line.id")
    product_id: Mapped[UUID] = refers("product.id")
    name: Mapped[str]
    currency: Mapped[str]
    quantity: Mapped[int]
    grams: Mapped[int | None]
    unit_price_minor: Mapped[int] = minor()
    total_minor: Mapped[int] = minor()
    status: Mapped[SubstituteStatus] = mapped_column(default=SubstituteStatus.PROPOSED)
    due_at: Mapped[datetime | None]
    proposed_by_id: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = at_now()
    answered_at: Mapped[datetime | None]

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id
