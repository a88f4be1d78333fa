from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class SubstitutionPreference(NamedEnum):
    """What to do when a product is out of stock at picking."""

    REFUND = auto()
    """Do not substitute; refund missing units."""
    REPLACE_SIMILAR = auto()
    """The picker may substitute a similar product."""
    ASK_ME = auto()
    """Ask the customer before substituting."""


class CartLineIssue(NamedEnum):
    """Why a cart line can't be ordered at present."""

    NOT_LISTED = auto()
    """The store does not sell the product."""
    OUT_OF_STOCK = auto()
    """The product cannot be ordered now."""
    INSUFFICIENT_STOCK = auto()
    """Fewer units are available than the line asks for."""


class Cart(Entity):
    """A person's cart at one company."""

    __tablename__ = "cart"
    __table_args__ = (UniqueConstraint("person_id", "company_id"),)

    person_id: Mapped[UUID] = foreign_key("person.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = default_now()


class CartLine(Base):
    """A product and its quantity; prices are looked up, never stored."""

    __tablename__ = "cart_line"
    __table_args__ = (CheckConstraint("quantity between 1 and 99", name="quantity"),)

    cart_id: Mapped[UUID] = foreign_key("cart.id", primary_key=True)
    product_id: Mapped[UUID] = foreign_key("product.id", primary_key=True)
    person_id: Mapped[UUID]
    quantity: Mapped[int]
    substitution: Mapped[SubstitutionPreference] = mapped_column(
        default=SubstitutionPreference.REFUND
    )
    substitution_at: Mapped[datetime | None]
    """When `substitution` was chosen; null for the default."""
    added_at: Mapped[datetime] = default_now()
