from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers


class Substitution(Named):
    """What a picker may do when a line is short."""

    REFUND = auto()
    REPLACE_SIMILAR = auto()
    ASK_ME = auto()


class CartProblem(Named):
    """Why a line of a cart can't be ordered as it stands."""

    NOT_LISTED = auto()
    OUT_OF_STOCK = auto()
    NOT_ENOUGH = auto()


class Cart(Keyed):
    """What one person is about to buy from one company."""

    __tablename__ = "cart"
    __table_args__ = (UniqueConstraint("person_id", "company_id"),)

    person_id: Mapped[UUID] = refers("person.id")
    company_id: Mapped[UUID] = refers("company.id")
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = at_now()


class CartLine(Base):
    """A product and how many of it; prices are looked up, never stored."""

    __tablename__ = "cart_line"
    __table_args__ = (CheckConstraint("quantity between 1 and 99", name="quantity"),)

    cart_id: Mapped[UUID] = refers("cart.id", primary_key=True)
    product_id: Mapped[UUID] = refers("product.id", primary_key=True)
    person_id: Mapped[UUID] = refers("person.id")
    quantity: Mapped[int]
    substitution: Mapped[Substitution] = mapped_column(default=Substitution.REFUND)
    added_at: Mapped[datetime] = at_now()
