from collections.abc import Mapping
from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Float, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key, minor_units
from models.search_words import search_column, search_vector


def supplier_search(columns: Mapping[str, Any]) -> str:
    """Return the search vector of a supplier's columns."""
    return search_vector((columns["name"],))


class Supplier(Entity):
    """A supplier of a company and its terms of delivery.

    `lead_time_days` is the time from an order to its delivery, `review_period_days` the time
    between orders.
    """

    __tablename__ = "supplier"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        CheckConstraint("lead_time_days between 0 and 365", name="lead_time_days"),
        CheckConstraint("review_period_days between 1 and 90", name="review_period_days"),
        CheckConstraint("over_tolerance_percent between 0 and 100", name="over_tolerance"),
        CheckConstraint("minimum_order_minor >= 0", name="minimum_order"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    code: Mapped[str]
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    lead_time_days: Mapped[int] = mapped_column(default=1)
    review_period_days: Mapped[int] = mapped_column(default=1)
    minimum_order_minor: Mapped[int] = minor_units(default=0)
    over_tolerance_percent: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    search: Mapped[str] = search_column(supplier_search, "name")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = default_now()


class SupplierProduct(Base):
    """The terms of a supplier for one product; `lead_time_days` overrides the supplier's.

    At most one supplier of a product is preferred in a company.
    """

    __tablename__ = "supplier_product"
    __table_args__ = (
        CheckConstraint("units_per_pack > 0", name="units_per_pack"),
        CheckConstraint("pack_cost_minor >= 0", name="pack_cost"),
        CheckConstraint("lead_time_days between 0 and 365", name="lead_time_days"),
        Index(
            "uq_supplier_product_preferred",
            "company_id",
            "product_id",
            unique=True,
            postgresql_where=text("preferred"),
        ),
    )

    supplier_id: Mapped[UUID] = foreign_key("supplier.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True, index=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    supplier_sku: Mapped[str] = mapped_column(default="")
    pack_cost_minor: Mapped[int] = minor_units()
    currency: Mapped[str]
    units_per_pack: Mapped[int] = mapped_column(default=1)
    lead_time_days: Mapped[int | None]
    preferred: Mapped[bool] = mapped_column(default=False)


OPEN_STATUSES = "status in ('DRAFT','APPROVED','PARTIALLY_RECEIVED')"


class PurchaseOrderStatus(NamedEnum):
    """Status of a purchase order."""

    DRAFT = auto()
    """Being drafted; waits for approval by the company."""
    APPROVED = auto()
    """Approved and ordered; nothing was received yet."""
    PARTIALLY_RECEIVED = auto()
    """Some units were received; others are outstanding."""
    RECEIVED = auto()
    """All ordered units were received. Final."""
    CLOSED = auto()
    """Closed without its outstanding units. Final."""
    CANCELED = auto()
    """Canceled before anything was received. Final."""


class PurchaseOrderAction(NamedEnum):
    """An action on a purchase order."""

    SET_LINES = auto()
    """Replace the lines of a draft."""
    APPROVE = auto()
    """Approve a draft and order it."""
    RECEIVE = auto()
    """Receive a delivery, complete or in part."""
    CLOSE = auto()
    """Close a partly received order without its outstanding units."""
    CANCEL = auto()
    """Cancel a draft, or an order without receipts."""


class PurchaseOrder(Entity):
    """An order of a store to a supplier."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        Index("ix_purchase_order_store", "store_id", "id"),
        Index("ix_purchase_order_open", "store_id", "status", postgresql_where=text(OPEN_STATUSES)),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    supplier_id: Mapped[UUID] = foreign_key("supplier.id")
    code: Mapped[str]
    status: Mapped[PurchaseOrderStatus] = mapped_column(default=PurchaseOrderStatus.DRAFT)
    currency: Mapped[str]
    total_minor: Mapped[int] = minor_units(default=0)
    note: Mapped[str] = mapped_column(default="")
    closing_note: Mapped[str] = mapped_column(default="")
    created_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    created_at: Mapped[datetime] = default_now()
    approved_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    approved_at: Mapped[datetime | None]
    expected_date: Mapped[date | None]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class PurchaseOrderLine(Base):
    """Packs of one product in a purchase order, and the units received of them."""

    __tablename__ = "purchase_order_line"
    __table_args__ = (
        CheckConstraint("pack_quantity > 0", name="pack_quantity"),
        CheckConstraint("units_per_pack > 0", name="units_per_pack"),
        CheckConstraint("pack_cost_minor >= 0", name="pack_cost"),
        CheckConstraint("received_units >= 0 and damaged_units >= 0", name="arrived"),
        Index("ix_purchase_order_line_place", "store_id", "product_id"),
    )

    purchase_order_id: Mapped[UUID] = foreign_key("purchase_order.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    position: Mapped[int]
    supplier_sku: Mapped[str] = mapped_column(default="")
    pack_quantity: Mapped[int]
    units_per_pack: Mapped[int]
    pack_cost_minor: Mapped[int] = minor_units()
    currency: Mapped[str]
    received_units: Mapped[int] = mapped_column(default=0)
    damaged_units: Mapped[int] = mapped_column(default=0)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store's and the product's keys."""
        return self.store_id, self.product_id

    @property
    def units(self) -> int:
        """Ordered units."""
        return self.pack_quantity * self.units_per_pack

    @property
    def arrived_units(self) -> int:
        """Received units, undamaged or damaged."""
        return self.received_units + self.damaged_units

    @property
    def outstanding_units(self) -> int:
        """Ordered units that have not been received."""
        return max(0, self.units - self.arrived_units)

    @property
    def cost_minor(self) -> int:
        """The cost of all packs."""
        return self.pack_quantity * self.pack_cost_minor


class GoodsReceipt(Entity):
    """A delivery received for a purchase order. Append-only."""

    __tablename__ = "goods_receipt"
    __table_args__ = (Index("ix_goods_receipt_purchase_order", "purchase_order_id", "id"),)

    purchase_order_id: Mapped[UUID] = foreign_key("purchase_order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    received_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    note: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime] = default_now()


class GoodsReceiptLine(Base):
    """Units of one batch of a product in a goods receipt. Append-only."""

    __tablename__ = "goods_receipt_line"
    __table_args__ = (
        CheckConstraint("quantity >= 0 and damaged >= 0 and quantity + damaged > 0", name="units"),
    )

    receipt_id: Mapped[UUID] = foreign_key("goods_receipt.id", primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    quantity: Mapped[int]
    damaged: Mapped[int] = mapped_column(default=0)
    batch_code: Mapped[str | None]
    sell_by_date: Mapped[date | None]


class ReplenishmentRun(Base):
    """The last computation of a store's replenishment proposals."""

    __tablename__ = "reorder_run"

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    computed_at: Mapped[datetime | None]
    product_count: Mapped[int] = mapped_column(default=0)
    proposal_count: Mapped[int] = mapped_column(default=0)


class ReplenishmentProposal(Base):
    """A proposal to order packs of a product for a store, with the figures behind it.

    Stock is in whole units, forecasts are fractional; `days_of_cover` is how many days the
    available, incoming and drafted units will last.
    """

    __tablename__ = "reorder_proposal"
    __table_args__ = (
        CheckConstraint("pack_quantity > 0", name="pack_quantity"),
        CheckConstraint("units_per_pack > 0", name="units_per_pack"),
        Index("ix_reorder_proposal_urgency", "store_id", "days_of_cover", "product_id"),
    )

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    supplier_id: Mapped[UUID] = foreign_key("supplier.id")
    average_daily_demand: Mapped[float]
    weekdays: Mapped[list[float]] = mapped_column(ARRAY(Float))
    forecast_error: Mapped[float]
    forecast_demand: Mapped[float]
    safety_stock: Mapped[float]
    lead_time_days: Mapped[int]
    review_period_days: Mapped[int]
    available: Mapped[int]
    incoming: Mapped[int]
    on_draft_orders: Mapped[int]
    days_of_cover: Mapped[float]
    pack_quantity: Mapped[int]
    units_per_pack: Mapped[int]
    computed_at: Mapped[datetime] = default_now()

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store's and the product's keys."""
        return self.store_id, self.product_id

    @property
    def weekday_factors(self) -> list[float]:
        """Sales of each weekday relative to an average day, from Monday on."""
        return list(self.weekdays)

    @property
    def units(self) -> int:
        """Proposed units."""
        return self.pack_quantity * self.units_per_pack
