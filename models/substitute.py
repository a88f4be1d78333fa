from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, Named, at_now, minor, refers


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
