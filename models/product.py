from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, Named, at_now, refers

SEARCH = "to_tsvector('english', name || ' ' || search_text) || to_tsvector('simple', search_text)"


class ProductSort(Named):
    """The order of a list of products; names are compared in the catalog's own language."""

    CATALOG = auto()
    NAME = auto()
    PRICE_ASC = auto()
    PRICE_DESC = auto()


class TemperatureZone(Named):
    """Where a product is kept, in the order of the picker's walk: cold things last."""

    AMBIENT = auto()
    CHILLED = auto()
    FROZEN = auto()


WALK = tuple(TemperatureZone)


class Product(Keyed):
    """A thing a company sells, whatever store has it.

    `search_text` holds the brand, the category names and the other languages' names
    (Chinese cut into single characters and pairs), which the search vector is built from.
    `unit_grams` is what one piece of a `weighed` product weighs, about.
    """

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        CheckConstraint("weighed = (unit_grams is not null)", name="weighed"),
        CheckConstraint("unit_grams between 1 and 50000", name="unit_grams"),
        # A search is one company's: without its key every company's matches would be looked at.
        Index("ix_product_company_search", "company_id", "search", postgresql_using="gin"),
        Index("ix_product_barcode", "company_id", "barcode"),
        Index("ix_product_category", "category_id", "id"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    code: Mapped[str]
    barcode: Mapped[str | None]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    search_text: Mapped[str] = mapped_column(default="", deferred=True)
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCH, persisted=True), deferred=True)
    brand_id: Mapped[UUID | None] = refers("brand.id", nullable=True)
    category_id: Mapped[UUID] = refers("category.id")
    offer_text: Mapped[str] = mapped_column(default="")
    temperature_zone: Mapped[TemperatureZone] = mapped_column(
        default=TemperatureZone.AMBIENT, server_default="AMBIENT"
    )
    weighed: Mapped[bool] = mapped_column(default=False)
    unit_grams: Mapped[int | None]
    age_restricted: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = at_now()
