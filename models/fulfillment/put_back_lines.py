from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from database.base import Entity, NamedEnum, foreign_key


class PutBackReason(NamedEnum):
    """Why picked units have to be put back."""

    ORDER_CANCELED = auto()
    """The order was canceled while its units were in the store."""
    DELIVERY_RETURNED = auto()
    """The rider brought the bags back."""
    NOT_COLLECTED = auto()
    """The customer did not collect the order."""
    MOVED_TO_ANOTHER_STORE = auto()
    """Another store fulfills the order."""


class PutBackWasteReason(NamedEnum):
    """Why picked units can't be sold again."""

    DAMAGED = auto()
    """Broken, opened or dirty."""
    TOO_WARM = auto()
    """A cold product was too warm for too long."""
    EXPIRED = auto()
    """The last day of sale is over."""
    OTHER = auto()
    """Another reason."""


class PutBackLine(Entity):
    """Picked units of one product and batch that have to be put back.

    The three counts sum to `quantity`; they are null until a person has recorded them.
    """

    __tablename__ = "put_back_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint(
            "returned_quantity >= 0 and wasted_quantity >= 0 and missing_quantity >= 0"
            " and returned_quantity + wasted_quantity + missing_quantity = quantity",
            name="counts",
        ),
        CheckConstraint(
            "(waste_reason is not null) = (coalesce(wasted_quantity, 0) > 0)", name="waste_reason"
        ),
        Index("ix_put_back_line_fulfillment", "fulfillment_id"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    fulfillment_id: Mapped[UUID] = foreign_key("fulfillment.id")
    fulfillment_line_id: Mapped[UUID] = foreign_key("fulfillment_line.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    batch_id: Mapped[UUID | None] = foreign_key("stock_batch.id", nullable=True)
    position: Mapped[int]
    name: Mapped[str]
    quantity: Mapped[int]
    returned_quantity: Mapped[int | None]
    wasted_quantity: Mapped[int | None]
    missing_quantity: Mapped[int | None]
    waste_reason: Mapped[PutBackWasteReason | None]

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id
