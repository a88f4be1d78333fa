from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Float, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, at_now, refers


class ReorderRun(Base):
    """When a store's proposals were last worked out, and over how many products."""

    __tablename__ = "reorder_run"

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    computed_at: Mapped[datetime | None]
    products: Mapped[int] = mapped_column(default=0)
    proposals: Mapped[int] = mapped_column(default=0)


class ReorderProposal(Base):
    """Packs of a product that a store should order, with every figure that led to them.

    Units are whole for stock and fractional for what is forecast; `cover_days` is how long the
    stock and what is on its way will last.
    """

    __tablename__ = "reorder_proposal"
    __table_args__ = (
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint("pack_units > 0", name="pack_units"),
        Index("ix_reorder_proposal_urgency", "store_id", "cover_days", "product_id"),
    )

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    supplier_id: Mapped[UUID] = refers("supplier.id")
    level: Mapped[float]
    weekdays: Mapped[list[float]] = mapped_column(ARRAY(Float))
    deviation: Mapped[float]
    demand: Mapped[float]
    safety: Mapped[float]
    lead_days: Mapped[int]
    review_days: Mapped[int]
    available: Mapped[int]
    incoming: Mapped[int]
    drafted: Mapped[int]
    cover_days: Mapped[float]
    packs: Mapped[int]
    pack_units: Mapped[int]
    computed_at: Mapped[datetime] = at_now()

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id

    @property
    def weekday_factors(self) -> list[float]:
        """How much of an average day each weekday sells, from Monday on."""
        return list(self.weekdays)

    @property
    def units(self) -> int:
        """Units that are proposed."""
        return self.packs * self.pack_units
