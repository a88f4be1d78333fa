from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, minor, refers


class Brand(Keyed):
    """A maker's name as a company's catalog carries it."""

    __tablename__ = "brand"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = refers("company.id")
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Category(Keyed):
    """A node of a company's category tree (depth 0 = top)."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = refers("company.id")
    parent_id: Mapped[UUID | None] = refers("category.id", nullable=True, index=True)
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    depth: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)


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


class Availability(Named):
    """How much of a product a store has, as strangers may know it."""

    IN_STOCK = auto()
    LOW = auto()
    OUT = auto()


class Listing(Base):
    """A product as one store sells it: its price there, and the one-tap off switch.

    `category_id` repeats the product's, so a category page reads one index per store. Without a
    `reorder_point` of its own (units) it has the store's. `price_minor` is of one piece; of what is
    sold by weight it follows from the price of a kilogram and the product's `unit_grams`.
    """

    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("reorder_point >= 0", name="reorder_point"),
        CheckConstraint("(kilo_price_minor is null) = (unit_grams is null)", name="weighed"),
        CheckConstraint(
            "kilo_price_minor is null or price_minor"
            " = greatest(1, (kilo_price_minor * unit_grams + 500) / 1000)",
            name="piece",
        ),
        Index("ix_listing_category", "store_id", "category_id", "product_id"),
    )

    store_id: Mapped[UUID] = refers("store.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True, index=True)
    company_id: Mapped[UUID] = refers("company.id")
    category_id: Mapped[UUID] = refers("category.id")
    price_minor: Mapped[int] = minor()
    unit_grams: Mapped[int | None]
    kilo_price_minor: Mapped[int | None] = minor()
    available: Mapped[bool] = mapped_column(default=True)
    offer_text: Mapped[str] = mapped_column(default="")
    aisle: Mapped[str] = mapped_column(default="")
    reorder_point: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = at_now()

    @property
    def asked_minor(self) -> int:
        """The price that is set: of a kilogram where it is sold by weight, else of one piece."""
        return self.price_minor if self.kilo_price_minor is None else self.kilo_price_minor


class PriceChangeStatus(Named):
    """SCHEDULED waits for its hour, ACTIVE is asked until it ends, the other two are final."""

    SCHEDULED = auto()
    ACTIVE = auto()
    DONE = auto()
    CANCELED = auto()


class PriceChangeAction(Named):
    """What store staff can do with a scheduled price."""

    CANCEL = auto()


class PriceChange(Keyed):
    """A price that one store will ask for a product from a moment on, for good or for a while.

    `due_at` is the next moment at which something has to be done. `previous_price_minor` is what
    the store asked before: it comes back at the end, unless somebody set another price meanwhile.
    """

    __tablename__ = "price_change"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        Index("ix_price_change_place", "store_id", "product_id", "id"),
        Index("ix_price_change_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    company_id: Mapped[UUID] = refers("company.id")
    store_id: Mapped[UUID] = refers("store.id")
    product_id: Mapped[UUID] = refers("product.id")
    currency: Mapped[str]
    price_minor: Mapped[int] = minor()
    previous_price_minor: Mapped[int | None] = minor()
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    status: Mapped[PriceChangeStatus] = mapped_column(default=PriceChangeStatus.SCHEDULED)
    due_at: Mapped[datetime | None]
    created_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = at_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def place(self) -> tuple[UUID, UUID]:
        """The store and the product."""
        return self.store_id, self.product_id
