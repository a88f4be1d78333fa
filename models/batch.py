from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, Named, at_now, refers


class BatchStatus(Named):
    """OPEN units may be sold; those of the other two may not, and are set aside as damaged."""

    OPEN = auto()
    EXPIRED = auto()
    RECALLED = auto()


class WasteSource(Named):
    """Where wasted units were: among those for sale, or set aside as damaged."""

    SHELF = auto()
    SET_ASIDE = auto()


class StockBatch(Keyed):
    """Units of one product in one store that came together and expire together.

    `on_hand` units of it are on the shelf, sold ones that are not picked yet among them; `damaged`
    units are set aside. All batches of a place together are never more than what is there: the
    rest is of no known batch. `expires_on` is the last day of sale, in the store's own time.
    """

    __tablename__ = "stock_batch"
    __table_args__: Any = (
        UniqueConstraint("store_id", "product_id", "code"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("damaged >= 0", name="damaged"),
        CheckConstraint("length(code) between 1 and 64", name="code"),
        Index(
            "ix_stock_batch_expiry", "store_id", "expires_on", "id",
            postgresql_where=text("expires_on is not null"),
        ),
        Index(
            "ix_stock_batch_frozen", "store_id", "product_id",
            postgresql_where=text("status <> 'OPEN'"),
        ),
        Index("ix_stock_batch_product", "product_id", "code"),
        {"postgresql_with": {"fillfactor": 70}},
    )  # fmt: skip

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    code: Mapped[str]
    expires_on: Mapped[date | None]
    on_hand: Mapped[int] = mapped_column(default=0)
    damaged: Mapped[int] = mapped_column(default=0)
    status: Mapped[BatchStatus] = mapped_column(default=BatchStatus.OPEN)
    received_at: Mapped[datetime] = at_now()

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id


class BatchRecall(Keyed):
    """A batch that must not be sold in any store of its company, whenever it arrives."""

    __tablename__ = "batch_recall"
    __table_args__ = (
        UniqueConstraint("company_id", "product_id", "batch_code"),
        Index("ix_batch_recall_company", "company_id", "id"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    product_id: Mapped[UUID] = refers("product.id")
    batch_code: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime] = at_now()


class PickedBatch(Base):
    """How many units of a batch a line of a pick list took; 0 when they went back to the shelf."""

    __tablename__ = "picked_batch"
    __table_args__: Any = (
        CheckConstraint("quantity >= 0", name="quantity"),
        Index("ix_picked_batch_order", "order_id"),
        Index("ix_picked_batch_batch", "batch_id", "order_id"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    fulfillment_line_id: Mapped[UUID] = refers("fulfillment_line.id", primary_key=True)
    batch_id: Mapped[UUID] = refers("stock_batch.id", primary_key=True)
    order_id: Mapped[UUID] = refers("order.id")
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    quantity: Mapped[int]


class StockAudit(Base):
    """When a store's books were last compared with its shelf, and in how many rows they differ."""

    __tablename__ = "stock_audit"

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    audited_at: Mapped[datetime | None]
    differences: Mapped[int] = mapped_column(default=0)
