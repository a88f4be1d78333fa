from datetime import date, datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key, minor_units
from models.orders import AgeCheckDocument


class TenderKind(NamedEnum):
    """Means of payment at the counter."""

    CASH = auto()
    """Paid in cash."""
    CARD = auto()
    """Paid by card at the store's own terminal."""


class PosSaleStatus(NamedEnum):
    """Status of a counter sale."""

    COMPLETED = auto()
    """Sold and paid."""
    VOIDED = auto()
    """Undone on its business day; goods and money were returned. Final."""


class PosSaleAction(NamedEnum):
    """An action on a counter sale."""

    VOID = auto()
    """Undo the sale on its business day."""


class PosSale(Entity):
    """A sale at a store's counter. Sums are minor units, tax included.

    `number` is the store's receipt number, without gaps; `business_day` and `timezone` are the
    store's when it was sold; `shares` holds the batches that the units were taken from.
    `minimum_age` is set when something in it is not sold to minors: the cashier saw
    `age_document`, of which nothing is kept.
    """

    __tablename__ = "counter_sale"
    __table_args__ = (
        UniqueConstraint("store_id", "receipt_number"),
        CheckConstraint("total_minor > 0", name="total"),
        CheckConstraint(
            "tender_type <> 'CASH' or (cash_received_minor is not null"
            " and change_minor = cash_received_minor - total_minor and change_minor >= 0)",
            name="change",
        ),
        CheckConstraint(
            "(minimum_age is null) = (age_document is null) and age_document <> 'NONE'",
            name="age_document",
        ),
        Index("ix_counter_sale_day", "store_id", "business_day"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    receipt_number: Mapped[int]
    business_day: Mapped[date]
    timezone: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[int] = minor_units()
    tax_minor: Mapped[int] = minor_units()
    tender_type: Mapped[TenderKind]
    cash_received_minor: Mapped[int | None] = minor_units()
    change_minor: Mapped[int] = minor_units(default=0)
    terminal_reference: Mapped[str] = mapped_column(default="")
    minimum_age: Mapped[int | None]
    age_document: Mapped[AgeCheckDocument | None]
    cashier_id: Mapped[UUID | None]
    status: Mapped[PosSaleStatus] = mapped_column(default=PosSaleStatus.COMPLETED)
    shares: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sold_at: Mapped[datetime] = default_now()
    voided_at: Mapped[datetime | None]
    voided_by_id: Mapped[UUID | None]
    void_note: Mapped[str] = mapped_column(default="")


class PosSaleLine(Base):
    """A product on a receipt at the price of that day; weighed products are priced by weight."""

    __tablename__ = "counter_sale_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint(
            "weight_grams is not null or total_minor = quantity * unit_price_minor", name="total"
        ),
        CheckConstraint("weight_grams > 0 and price_per_kilogram_minor > 0", name="weight_grams"),
    )

    counter_sale_id: Mapped[UUID] = foreign_key("counter_sale.id", primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    name: Mapped[str]
    currency: Mapped[str]
    unit_price_minor: Mapped[int] = minor_units()
    quantity: Mapped[int]
    weight_grams: Mapped[int | None]
    price_per_kilogram_minor: Mapped[int | None] = minor_units()
    total_minor: Mapped[int] = minor_units()


class CounterTill(Base):
    """A store's last receipt number; its row lock serializes the store's sales."""

    __tablename__ = "counter_till"

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    last_number: Mapped[int] = mapped_column(default=0)
