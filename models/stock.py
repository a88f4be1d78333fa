from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, Named, at_now, refers


class Stock(Base):
    """The counter row of one product in one store; `available` is on_hand - held.

    Half of each page stays free so that updates stay on their page; no changing column is indexed.
    """

    __tablename__ = "stock"
    __table_args__: Any = (
        CheckConstraint("held >= 0 and held <= on_hand", name="held_within_on_hand"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    on_hand: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id


class StockReason(Named):
    """Why on_hand changed."""

    OPENING = auto()
    SALE = auto()
    RESTOCK = auto()
    SHORT = auto()
    ADJUSTMENT = auto()
    RECEIPT = auto()
    DAMAGE = auto()


class StockEntry(Keyed):
    """One line of the append-only stock ledger: the entries of a row sum to its on_hand."""

    __tablename__ = "stock_entry"
    __table_args__ = (
        Index("ix_stock_entry_row", "store_id", "product_id"),
        CheckConstraint("delta <> 0", name="delta"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    delta: Mapped[int]
    reason: Mapped[StockReason]
    reference: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime] = at_now()


class HoldStatus(Named):
    """HELD counts in stock.held; the other three are final."""

    HELD = auto()
    CLAIMED = auto()
    RELEASED = auto()
    EXPIRED = auto()


class Hold(Base):
    """Units of one product promised to one order before it is paid."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_hold_expiry", "expires_at", postgresql_where=text("status = 'HELD'")),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    quantity: Mapped[int]
    status: Mapped[HoldStatus] = mapped_column(default=HoldStatus.HELD)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = at_now()
