from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Named, at_now, minor, refers


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
