from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key, minor_units


class SubstitutionStatus(NamedEnum):
    """The status of a proposed substitute."""

    PROPOSED = auto()
    """Waits for the customer's answer."""
    ACCEPTED = auto()
    """Accepted; the substitute is in the bag."""
    DECLINED = auto()
    """Declined; the units are back in stock. Final."""
    RETURNED = auto()
    """The order was canceled; the units are restocked. Final."""


class SubstitutionAction(NamedEnum):
    """An answer that a customer can give to a proposed substitute."""

    ACCEPT = auto()
    """Take the substitute."""
    DECLINE = auto()
    """Decline it; the missing units are not charged."""


class Substitution(Entity):
    """Another product that a picker puts in the bag for missing units of a line.

    Its units leave the stock with the proposal; their batches are recorded with those of its line.
    `total_minor` is its price: never more than the missing units would have cost.
    """

    __tablename__ = "substitute"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("weight_grams > 0", name="weight_grams"),
        CheckConstraint("total_minor <= quantity * unit_price_minor", name="total"),
        Index("ix_substitute_order", "order_id"),
        Index("ix_substitute_fulfillment", "fulfillment_id"),
        Index(
            "uq_substitute_line",
            "fulfillment_line_id",
            unique=True,
            postgresql_where=text("status in ('PROPOSED', 'ACCEPTED')"),
        ),
        Index(
            "ix_substitute_due", "answer_due_at", postgresql_where=text("answer_due_at is not null")
        ),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    store_id: Mapped[UUID] = foreign_key("store.id")
    order_id: Mapped[UUID] = foreign_key("order.id")
    fulfillment_id: Mapped[UUID] = foreign_key("fulfillment.id")
    fulfillment_line_id: Mapped[UUID] = foreign_key("fulfillment_line.id")
    order_line_id: Mapped[UUID | None] = foreign_key("order_line.id")
    """None once the customer has removed the product from an order that moved to another store."""
    product_id: Mapped[UUID] = foreign_key("product.id")
    name: Mapped[str]
    currency: Mapped[str]
    quantity: Mapped[int]
    weight_grams: Mapped[int | None]
    unit_price_minor: Mapped[int] = minor_units()
    total_minor: Mapped[int] = minor_units()
    status: Mapped[SubstitutionStatus] = mapped_column(default=SubstitutionStatus.PROPOSED)
    answer_due_at: Mapped[datetime | None]
    proposed_by_id: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = default_now()
    answered_at: Mapped[datetime | None]

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id
