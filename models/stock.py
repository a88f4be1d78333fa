from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers


class Stock(Base):
    """The counter row of one product in one store; `available` is on_hand - held.

    `damaged` units are in the store and not for sale: they are not in on_hand. `incoming` units
    are ordered or on their way.

    Half of each page stays free so that updates stay on their page; no changing column is indexed.
    """

    __tablename__ = "stock"
    __table_args__: Any = (
        CheckConstraint("held >= 0 and held <= on_hand", name="held_within_on_hand"),
        CheckConstraint("damaged >= 0", name="damaged"),
        CheckConstraint("incoming >= 0", name="incoming"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    on_hand: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    damaged: Mapped[int] = mapped_column(default=0)
    incoming: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id


class StockReason(Named):
    """Why a counter of the stock changed. PICK says which batch a sold unit was of."""

    OPENING = auto()
    SALE = auto()
    RESTOCK = auto()
    SHORT = auto()
    ADJUSTMENT = auto()
    RECEIPT = auto()
    DAMAGE = auto()
    WASTE = auto()
    RECALL = auto()
    EXPIRY = auto()
    PICK = auto()
    EXPECTED = auto()
    TRANSFER_OUT = auto()
    TRANSFER_IN = auto()
    TRANSFER_SHORTAGE = auto()
    COUNT = auto()
    IMPORT = auto()
    COUNTER_SALE = auto()


class StockEntry(Keyed):
    """One line of the append-only stock ledger.

    The entries of a place sum to its on_hand (`delta`), damaged and incoming; those that name a
    batch sum to the batch's on_hand (`batch_delta`) and damaged. One key says what a line is of:
    the shelf row, which whoever writes the line has locked.
    """

    __tablename__ = "stock_entry"
    __table_args__ = (
        ForeignKeyConstraint(["store_id", "product_id"], ["stock.store_id", "stock.product_id"]),
        Index("ix_stock_entry_row", "store_id", "product_id", "id"),
        Index("ix_stock_entry_store", "store_id", "id"),
        Index("ix_stock_entry_batch", "batch_id", postgresql_where=text("batch_id is not null")),
        CheckConstraint(
            "delta <> 0 or damaged_delta <> 0 or incoming_delta <> 0 or batch_delta <> 0",
            name="delta",
        ),
        CheckConstraint("batch_delta = 0 or batch_id is not null", name="batch"),
    )

    company_id: Mapped[UUID]
    store_id: Mapped[UUID]
    product_id: Mapped[UUID]
    delta: Mapped[int] = mapped_column(default=0)
    damaged_delta: Mapped[int] = mapped_column(default=0)
    incoming_delta: Mapped[int] = mapped_column(default=0)
    batch_id: Mapped[UUID | None] = refers("stock_batch.id", nullable=True)
    batch_delta: Mapped[int] = mapped_column(default=0)
    reason: Mapped[StockReason]
    reference: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime] = at_now()

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id


class HoldStatus(Named):
    """HELD counts in stock.held; the other three are final."""

    HELD = auto()
    CLAIMED = auto()
    RELEASED = auto()
    EXPIRED = auto()


class Hold(Base):
    """Units of one product promised to one order before it is paid.

    One key says what it is of: a shelf row, which names an existing store, product and company and
    is locked by whoever grants. Keys to those three would be asked for each line of each cart.
    """

    __tablename__ = "hold"
    __table_args__ = (
        ForeignKeyConstraint(["store_id", "product_id"], ["stock.store_id", "stock.product_id"]),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_hold_expiry", "expires_at", postgresql_where=text("status = 'HELD'")),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID]
    quantity: Mapped[int]
    status: Mapped[HoldStatus] = mapped_column(default=HoldStatus.HELD)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = at_now()


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
