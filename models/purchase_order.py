from datetime import date, datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, Named, at_now, minor, refers

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
