from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, minor, refers


class Tender(Named):
    """How somebody pays at the counter. A card is charged by the store's own terminal."""

    CASH = auto()
    CARD = auto()


class CounterSaleStatus(Named):
    """A voided sale was undone on its own day: its goods and its money went back."""

    COMPLETED = auto()
    VOIDED = auto()


class CounterSaleAction(Named):
    """What store staff can do with a sale that is made."""

    VOID = auto()


class CounterSale(Keyed):
    """Goods sold over the counter of a store. Sums are tax-inclusive minor units.

    `number` counts the store's receipts without gaps, `business_day` is the store's own date, and
    `shares` says of which batches the goods were.
    """

    __tablename__ = "counter_sale"
    __table_args__ = (
        UniqueConstraint("store_id", "number"),
        CheckConstraint("total_minor > 0", name="total"),
        CheckConstraint(
            "tender <> 'CASH' or (cash_received_minor is not null"
            " and change_minor = cash_received_minor - total_minor and change_minor >= 0)",
            name="change",
        ),
        Index("ix_counter_sale_day", "store_id", "business_day"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    number: Mapped[int]
    business_day: Mapped[date]
    currency: Mapped[str]
    total_minor: Mapped[int] = minor()
    tax_minor: Mapped[int] = minor()
    tender: Mapped[Tender]
    cash_received_minor: Mapped[int | None] = minor()
    change_minor: Mapped[int] = minor(default=0)
    terminal_reference: Mapped[str] = mapped_column(default="")
    cashier_id: Mapped[UUID | None]
    status: Mapped[CounterSaleStatus] = mapped_column(default=CounterSaleStatus.COMPLETED)
    shares: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sold_at: Mapped[datetime] = at_now()
    voided_at: Mapped[datetime | None]
    voided_by_id: Mapped[UUID | None]
    void_note: Mapped[str] = mapped_column(default="")


class CounterSaleLine(Base):
    """A product on a receipt, at the price of the day; what was weighed costs by its grams."""

    __tablename__ = "counter_sale_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint(
            "grams is not null or total_minor = quantity * unit_price_minor", name="total"
        ),
        CheckConstraint("grams > 0 and kilo_price_minor > 0", name="grams"),
    )

    counter_sale_id: Mapped[UUID] = refers("counter_sale.id", primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    name: Mapped[str]
    currency: Mapped[str]
    unit_price_minor: Mapped[int] = minor()
    quantity: Mapped[int]
    grams: Mapped[int | None]
    kilo_price_minor: Mapped[int | None] = minor()
    total_minor: Mapped[int] = minor()


class CounterTill(Base):
    """The number of a store's last receipt; its row lock puts sales in line."""

    __tablename__ = "counter_till"

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    last_number: Mapped[int] = mapped_column(default=0)
