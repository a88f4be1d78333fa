"""Stock levels, their ledger, reservations, batches and recalls."""

from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class StockLevel(Base):
    """The counters of one product in one store; available units are on_hand - held.

    `damaged` units are in the store but not for sale, and not part of on_hand. `incoming` units
    are ordered or in transit.

    The fill factor keeps half of each page free, so that updates stay on their page (HOT): no
    changing column is indexed.
    """

    __tablename__ = "stock"
    __table_args__: Any = (
        CheckConstraint("reserved >= 0 and reserved <= on_hand", name="held_within_on_hand"),
        CheckConstraint("unsellable >= 0", name="unsellable"),
        CheckConstraint("incoming >= 0", name="incoming"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    unsellable: Mapped[int] = mapped_column(default=0)
    incoming: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product, the key of the stock row."""
        return self.store_id, self.product_id


class StockMovementReason(NamedEnum):
    """Why a counter of a stock level changed."""

    OPENING_BALANCE = auto()
    """Opening balance of a new stock level."""
    SALE = auto()
    """Units sold by an online order."""
    RESTOCK = auto()
    """Units returned from a canceled or returned order."""
    PICK_SHORTAGE = auto()
    """Units of an order that were not found while picking or missing from its bags."""
    OUT_OF_STOCK = auto()
    """Units taken off sale because an order was rejected as out of stock."""
    ADJUSTMENT = auto()
    """Manual correction."""
    RECEIPT = auto()
    """Units received from a supplier."""
    DAMAGE = auto()
    """Units set aside as damaged."""
    WASTE = auto()
    """Units written off."""
    RECALL = auto()
    """Units set aside by a batch recall."""
    EXPIRY = auto()
    """Units set aside after their sell-by date."""
    PICK = auto()
    """Batch of units sold earlier became known at picking."""
    INCOMING = auto()
    """Incoming quantity changed."""
    TRANSFER_OUT = auto()
    """Units shipped to another store."""
    TRANSFER_IN = auto()
    """Units received from another store."""
    TRANSFER_SHORTAGE = auto()
    """Units lost between shipping and receiving."""
    COUNT = auto()
    """Correction from an approved stock count."""
    IMPORT = auto()
    """Change from an imported file."""
    POS_SALE = auto()
    """Units sold or returned at the counter."""


class StockMovement(Entity):
    """One row of the append-only stock ledger.

    The rows of a stock level sum to its on_hand (`delta`), damaged and incoming; those with a
    batch sum to the batch's on_hand (`batch_delta`) and damaged. The one foreign key leads to the
    stock row, which the writer has locked.
    """

    __tablename__ = "stock_entry"
    __table_args__ = (
        ForeignKeyConstraint(["store_id", "product_id"], ["stock.store_id", "stock.product_id"]),
        Index("ix_stock_entry_row", "store_id", "product_id", "id"),
        Index("ix_stock_entry_store", "store_id", "id"),
        Index("ix_stock_entry_batch", "batch_id", postgresql_where=text("batch_id is not null")),
        CheckConstraint(
            "on_hand_delta <> 0 or unsellable_delta <> 0 or incoming_delta <> 0 or batch_delta"
            " <> 0",
            name="on_hand_delta",
        ),
        CheckConstraint("batch_delta = 0 or batch_id is not null", name="batch"),
    )

    company_id: Mapped[UUID]
    store_id: Mapped[UUID]
    product_id: Mapped[UUID]
    on_hand_delta: Mapped[int] = mapped_column(default=0)
    unsellable_delta: Mapped[int] = mapped_column(default=0)
    incoming_delta: Mapped[int] = mapped_column(default=0)
    batch_id: Mapped[UUID | None] = foreign_key("stock_batch.id", nullable=True)
    batch_delta: Mapped[int] = mapped_column(default=0)
    reason: Mapped[StockMovementReason]
    reference: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID | None]
    # The moment of the change, under the lock of the stock row: a transaction may wait for that.
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product, the key of the stock row."""
        return self.store_id, self.product_id


class HoldStatus(NamedEnum):
    """The status of a reservation of units for an unpaid order."""

    HELD = auto()
    """Units are reserved and count in held."""
    CLAIMED = auto()
    """The order was paid and the units are sold. Final."""
    RELEASED = auto()
    """The units were made available again. Final."""
    EXPIRED = auto()
    """Time ran out and the units are available again. Final."""


class Hold(Base):
    """Units of one product reserved for one order before it is paid.

    The one foreign key leads to the stock row, which names existing rows of store, product and
    company and is locked by the writer. Keys to those three would be checked for each line of each
    cart.
    """

    __tablename__ = "hold"
    __table_args__ = (
        ForeignKeyConstraint(["store_id", "product_id"], ["stock.store_id", "stock.product_id"]),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_hold_expiry", "expires_at", postgresql_where=text("status = 'HELD'")),
        Index("ix_hold_created_at", "created_at", postgresql_using="brin"),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    store_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID]
    quantity: Mapped[int]
    status: Mapped[HoldStatus] = mapped_column(default=HoldStatus.HELD)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = default_now()


class BatchStatus(NamedEnum):
    """Whether the units of a batch may be sold."""

    OPEN = auto()
    """Units may be sold."""
    EXPIRED = auto()
    """The last day of sale is over; units are set aside."""
    RECALLED = auto()
    """The batch is recalled; units are set aside. Final."""


class WriteOffSource(NamedEnum):
    """Which units are written off."""

    SELLABLE = auto()
    """Units for sale."""
    UNSELLABLE = auto()
    """Units set aside as damaged, expired or recalled."""


class StockBatch(Entity):
    """Units of one product in one store that arrived together and expire together.

    `on_hand` includes sold units that are not picked yet; `damaged` units are set aside. The
    batches of a product never have more units than the store: the rest is of no known batch.
    `sell_by_date` is the last day of sale, in the store's timezone.
    """

    __tablename__ = "stock_batch"
    __table_args__: Any = (
        UniqueConstraint("store_id", "product_id", "code"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("unsellable >= 0", name="unsellable"),
        CheckConstraint("length(code) between 1 and 64", name="code"),
        Index(
            "ix_stock_batch_expiry", "store_id", "sell_by_date", "id",
            postgresql_where=text("sell_by_date is not null"),
        ),
        Index(
            "ix_stock_batch_frozen", "store_id", "product_id",
            postgresql_where=text("status <> 'OPEN'"),
        ),
        Index("ix_stock_batch_product", "product_id", "code"),
        {"postgresql_with": {"fillfactor": 70}},
    )  # fmt: skip

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    code: Mapped[str]
    sell_by_date: Mapped[date | None]
    on_hand: Mapped[int] = mapped_column(default=0)
    unsellable: Mapped[int] = mapped_column(default=0)
    status: Mapped[BatchStatus] = mapped_column(default=BatchStatus.OPEN)
    received_at: Mapped[datetime] = default_now()

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product, the key of the stock row."""
        return self.store_id, self.product_id


class BatchRecall(Entity):
    """A recall of a batch: no store of the company may sell it, even if it arrives later."""

    __tablename__ = "batch_recall"
    __table_args__ = (
        UniqueConstraint("company_id", "product_id", "batch_code"),
        Index("ix_batch_recall_company", "company_id", "id"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    batch_code: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID | None]
    recalled_at: Mapped[datetime] = default_now()


class PickedBatch(Base):
    """Units that a fulfillment line picked from a batch; 0 after they were returned."""

    __tablename__ = "picked_batch"
    __table_args__: Any = (
        CheckConstraint("quantity >= 0", name="quantity"),
        Index("ix_picked_batch_order", "order_id"),
        Index("ix_picked_batch_batch", "batch_id", "order_id"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    fulfillment_line_id: Mapped[UUID] = foreign_key("fulfillment_line.id", primary_key=True)
    batch_id: Mapped[UUID] = foreign_key("stock_batch.id", primary_key=True)
    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    quantity: Mapped[int]


class StockAudit(Base):
    """When the counters of a store were last audited, and how many differed."""

    __tablename__ = "stock_audit"

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    audited_at: Mapped[datetime | None]
    differences: Mapped[int] = mapped_column(default=0)
