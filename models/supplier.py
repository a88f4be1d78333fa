from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, at_now, minor, refers


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
