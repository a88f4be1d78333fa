from collections.abc import Mapping
from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key, minor_units
from models.search_words import search_column, search_vector


class Brand(Entity):
    """A product brand in a company's catalog."""

    __tablename__ = "brand"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Category(Entity):
    """A node of a company's category tree (depth 0 = top)."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("company_id", "slug"),)

    company_id: Mapped[UUID] = foreign_key("company.id")
    parent_id: Mapped[UUID | None] = foreign_key("category.id", nullable=True, index=True)
    slug: Mapped[str]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    depth: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)


class ProductSort(NamedEnum):
    """The order of a list of products; names are compared in the catalog's default language."""

    CATALOG = auto()
    """The order of the catalog."""
    NAME = auto()
    """By name, A to Z."""
    PRICE_ASC = auto()
    """Lowest price first."""
    PRICE_DESC = auto()
    """Highest price first."""


class TemperatureZone(NamedEnum):
    """The storage temperature of a product, in picking order: cold products last."""

    AMBIENT = auto()
    """Stored at room temperature; picked first."""
    CHILLED = auto()
    """Stored refrigerated."""
    FROZEN = auto()
    """Stored frozen; picked last."""


PICKING_ORDER = tuple(TemperatureZone)


MINIMUM_AGE = 18
"""Years that a customer must have for products that are not sold to minors."""


def product_search(columns: Mapping[str, Any]) -> str:
    """Return the search vector of a product's columns."""
    names = (columns["name"], *(columns.get("translations") or {}).values())
    return search_vector(names, (columns["code"], columns.get("search_text") or ""))


class Product(Entity):
    """A product of a company, independent of stores.

    `search_text` holds the names of the brand and the categories in all languages. `search` is
    built from it, the product's own names and its code, by each insert and each change.
    `average_weight_grams` is the average weight of one piece of a `weighed` product.
    """

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        CheckConstraint("weighed = (average_weight_grams is not null)", name="weighed"),
        CheckConstraint("average_weight_grams between 1 and 50000", name="average_weight_grams"),
        # Searches are within one company: without company_id the index would match all companies.
        Index("ix_product_company_search", "company_id", "search", postgresql_using="gin"),
        Index("ix_product_barcode", "company_id", "barcode"),
        Index("ix_product_category", "category_id", "id"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    code: Mapped[str]
    barcode: Mapped[str | None]
    name: Mapped[str]
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    search_text: Mapped[str] = mapped_column(default="", deferred=True)
    search: Mapped[str] = search_column(
        product_search, "code", "name", "translations", "search_text"
    )
    brand_id: Mapped[UUID | None] = foreign_key("brand.id", nullable=True)
    category_id: Mapped[UUID] = foreign_key("category.id")
    promotion_label: Mapped[str] = mapped_column(default="")
    temperature_zone: Mapped[TemperatureZone] = mapped_column(
        default=TemperatureZone.AMBIENT, server_default="AMBIENT"
    )
    weighed: Mapped[bool] = mapped_column(default=False)
    average_weight_grams: Mapped[int | None]
    age_restricted: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = default_now()


class CodeKind(NamedEnum):
    """Where a code of a product comes from."""

    CODE = auto()
    """`Product.code`, which the company gives."""
    BARCODE = auto()
    """`Product.barcode`."""
    MORE = auto()
    """A further barcode of the product."""


class ProductCode(Base):
    """The canonical form of a code, by which its product is found; each once in a company.

    Triggers keep the rows of `Product.code` and `Product.barcode`. Without a product the form was
    one of several products before it could be only of one: it names none until one is left.
    """

    __tablename__ = "product_code"
    __table_args__ = (Index("ix_product_code_product", "product_id"),)

    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    product_id: Mapped[UUID | None] = foreign_key("product.id", nullable=True)
    kind: Mapped[CodeKind]
    text: Mapped[str]


class Availability(NamedEnum):
    """Customer-facing stock level of a product in a store."""

    IN_STOCK = auto()
    """Enough units to order."""
    LOW_STOCK = auto()
    """Few units left."""
    OUT_OF_STOCK = auto()
    """Cannot be ordered now."""


class Listing(Base):
    """A product as one store sells it: its price there, and whether customers can order it.

    `category_id` copies the product's, so that a category page reads one index per store. Without
    its own `reorder_point` (units) the store's applies. `price_minor` is the price of one piece;
    for products sold by weight it is computed from the price per kilogram and
    `average_weight_grams`.
    """

    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("reorder_point >= 0", name="reorder_point"),
        CheckConstraint(
            "(price_per_kilogram_minor is null) = (average_weight_grams is null)", name="weighed"
        ),
        CheckConstraint(
            "price_per_kilogram_minor is null or price_minor"
            " = greatest(1, (price_per_kilogram_minor * average_weight_grams + 500) / 1000)",
            name="piece",
        ),
        Index("ix_listing_category", "store_id", "category_id", "product_id"),
    )

    store_id: Mapped[UUID] = foreign_key("store.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True, index=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    category_id: Mapped[UUID] = foreign_key("category.id")
    price_minor: Mapped[int] = minor_units()
    average_weight_grams: Mapped[int | None]
    price_per_kilogram_minor: Mapped[int | None] = minor_units()
    available: Mapped[bool] = mapped_column(default=True)
    promotion_label: Mapped[str] = mapped_column(default="")
    aisle: Mapped[str] = mapped_column(default="")
    reorder_point: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = default_now()

    @property
    def current_price_minor(self) -> int:
        """The price that staff set: per kilogram if sold by weight, else per piece."""
        return (
            self.price_minor
            if self.price_per_kilogram_minor is None
            else self.price_per_kilogram_minor
        )


class ScheduledPriceStatus(NamedEnum):
    """The state of a scheduled price."""

    SCHEDULED = auto()
    """Waits for its start time."""
    ACTIVE = auto()
    """Is the current price until its end time."""
    ENDED = auto()
    """Has ended, or has become the regular price. Final."""
    CANCELED = auto()
    """Was canceled by store staff. Final."""


class ScheduledPriceAction(NamedEnum):
    """An action that store staff can take on a scheduled price."""

    CANCEL = auto()
    """Cancel it; an active one returns to the previous price."""


class ScheduledPrice(Entity):
    """A scheduled price of a product in one store, permanent or until an end time.

    `due_at` is the time of the next transition. `previous_price_minor` is the price before it
    started, restored at its end unless another price was set in between.
    """

    __tablename__ = "price_change"
    __table_args__ = (
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        Index("ix_price_change_place", "store_id", "product_id", "id"),
        Index("ix_price_change_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    currency: Mapped[str]
    price_minor: Mapped[int] = minor_units()
    previous_price_minor: Mapped[int | None] = minor_units()
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    status: Mapped[ScheduledPriceStatus] = mapped_column(default=ScheduledPriceStatus.SCHEDULED)
    due_at: Mapped[datetime | None]
    created_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)

    @property
    def listing_key(self) -> tuple[UUID, UUID]:
        """The store id and the product id: the key of its listing."""
        return self.store_id, self.product_id
