from datetime import date, datetime
from enum import auto
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Float, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, minor, refers


class Supplier(Keyed):
    """A firm that a company buys from, and the terms on which it delivers.

    `lead_days` pass between an order and its delivery; `review_days` between two orders.
    """

    __tablename__ = "supplier"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        CheckConstraint("lead_days between 0 and 365", name="lead_days"),
        CheckConstraint("review_days between 1 and 90", name="review_days"),
        CheckConstraint("over_tolerance_percent between 0 and 100", name="over_tolerance"),
        CheckConstraint("minimum_order_minor >= 0", name="minimum_order"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    code: Mapped[str]
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    lead_days: Mapped[int] = mapped_column(default=1)
    review_days: Mapped[int] = mapped_column(default=1)
    minimum_order_minor: Mapped[int] = minor(default=0)
    over_tolerance_percent: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = at_now()


class SupplierProduct(Base):
    """What a supplier asks for a pack of a product; `lead_days` overrides the supplier's own.

    Of all that supply a product to a company, at most one is preferred.
    """

    __tablename__ = "supplier_product"
    __table_args__ = (
        CheckConstraint("pack_units > 0", name="pack_units"),
        CheckConstraint("pack_cost_minor >= 0", name="pack_cost"),
        CheckConstraint("lead_days between 0 and 365", name="lead_days"),
        Index(
            "uq_supplier_product_preferred",
            "company_id",
            "product_id",
            unique=True,
            postgresql_where=text("preferred"),
        ),
    )

    supplier_id: Mapped[UUID] = refers("supplier.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True, index=True)
    company_id: Mapped[UUID] = refers("company.id")
    sku: Mapped[str] = mapped_column(default="")
    pack_cost_minor: Mapped[int] = minor()
    currency: Mapped[str]
    pack_units: Mapped[int] = mapped_column(default=1)
    lead_days: Mapped[int | None]
    preferred: Mapped[bool] = mapped_column(default=False)


OPEN_STATUSES = "status in ('DRAFT','APPROVED','PARTLY_RECEIVED')"


class PurchaseOrderStatus(Named):
    """How far an order to a supplier is: RECEIVED, CLOSED (short) and CANCELED are final."""

    DRAFT = auto()
    APPROVED = auto()
    PARTLY_RECEIVED = auto()
    RECEIVED = auto()
    CLOSED = auto()
    CANCELED = auto()


class PurchaseOrderAction(Named):
    """What a person may do with an order to a supplier next."""

    SET_LINES = auto()
    APPROVE = auto()
    RECEIVE = auto()
    CLOSE = auto()
    CANCEL = auto()


class PurchaseOrder(Keyed):
    """Goods that one store wants of one supplier."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        Index("ix_purchase_order_store", "store_id", "id"),
        Index("ix_purchase_order_open", "store_id", "status", postgresql_where=text(OPEN_STATUSES)),
    )

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    supplier_id: Mapped[UUID] = refers("supplier.id")
    code: Mapped[str]
    status: Mapped[PurchaseOrderStatus] = mapped_column(default=PurchaseOrderStatus.DRAFT)
    currency: Mapped[str]
    total_minor: Mapped[int] = minor(default=0)
    note: Mapped[str] = mapped_column(default="")
    end_note: Mapped[str] = mapped_column(default="")
    created_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    created_at: Mapped[datetime] = at_now()
    approved_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    approved_at: Mapped[datetime | None]
    expected_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class PurchaseOrderLine(Base):
    """Packs of one product in an order, and the units that have come of them."""

    __tablename__ = "purchase_order_line"
    __table_args__ = (
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint("pack_units > 0", name="pack_units"),
        CheckConstraint("pack_cost_minor >= 0", name="pack_cost"),
        CheckConstraint("received_units >= 0 and damaged_units >= 0", name="arrived"),
        Index("ix_purchase_order_line_place", "store_id", "product_id"),
    )

    purchase_order_id: Mapped[UUID] = refers("purchase_order.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    position: Mapped[int]
    sku: Mapped[str] = mapped_column(default="")
    packs: Mapped[int]
    pack_units: Mapped[int]
    pack_cost_minor: Mapped[int] = minor()
    currency: Mapped[str]
    received_units: Mapped[int] = mapped_column(default=0)
    damaged_units: Mapped[int] = mapped_column(default=0)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id

    @property
    def units(self) -> int:
        """Units that were ordered."""
        return self.packs * self.pack_units

    @property
    def arrived_units(self) -> int:
        """Units that came, whole or damaged."""
        return self.received_units + self.damaged_units

    @property
    def open_units(self) -> int:
        """Units that are still to come."""
        return max(0, self.units - self.arrived_units)

    @property
    def cost_minor(self) -> int:
        """What all its packs cost."""
        return self.packs * self.pack_cost_minor


class GoodsReceipt(Keyed):
    """One delivery against an order: who took it in, and when. Append-only."""

    __tablename__ = "goods_receipt"
    __table_args__ = (Index("ix_goods_receipt_purchase_order", "purchase_order_id", "id"),)

    purchase_order_id: Mapped[UUID] = refers("purchase_order.id")
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    received_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = at_now()


class GoodsReceiptLine(Base):
    """Units of one batch of a product in a delivery: whole ones and damaged ones. Append-only."""

    __tablename__ = "goods_receipt_line"
    __table_args__ = (
        CheckConstraint("quantity >= 0 and damaged >= 0 and quantity + damaged > 0", name="units"),
    )

    receipt_id: Mapped[UUID] = refers("goods_receipt.id", primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = refers("product.id")
    company_id: Mapped[UUID] = refers("company.id")
    quantity: Mapped[int]
    damaged: Mapped[int] = mapped_column(default=0)
    batch_code: Mapped[str | None]
    expires_on: Mapped[date | None]


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
