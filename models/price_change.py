from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, Named, at_now, minor, refers


class PriceChangeStatus(Named):
    """SCHEDULED waits for its hour, ACTIVE is asked until it ends, the other two are final."""

    SCHEDULED = auto()
    ACTIVE = auto()
    DONE = auto()
    CANCELED = auto()


class PriceChangeAction(Named):
    """What store staff can do with a scheduled price."""

    CANCEL = auto()


class PriceChange(Keyed):
    """A price that one store will ask for a product from a moment on, for good or for a while.

    `due_at` is the next moment at which something has to be done. `previous_price_minor` is what
    the store asked before: it comes back at the end, unless somebody set another price meanwhile.
    """

    __tablename__ = "price_change"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        Index("ix_price_change_place", "store_id", "product_id", "id"),
        Index("ix_price_change_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    currency: Mapped[str]
    price_minor: Mapped[int] = minor()
    previous_price_minor: Mapped[int | None] = minor()
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    status: Mapped[PriceChangeStatus] = mapped_column(default=PriceChangeStatus.SCHEDULED)
    due_at: Mapped[datetime | None]
    created_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = at_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id
