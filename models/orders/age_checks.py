from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, foreign_key


class AgeCheckDocument(NamedEnum):
    """What a customer shows as a proof of age; its number is not stored."""

    IDENTITY_CARD = auto()
    """A national identity card."""
    PASSPORT = auto()
    """A passport."""
    DRIVING_LICENSE = auto()
    """A driving licence."""
    RESIDENCE_PERMIT = auto()
    """A residence permit."""
    NONE = auto()
    """No document was shown: the check fails."""


class AgeCheckResult(NamedEnum):
    """The result of an age check."""

    PASSED = auto()
    """The customer is old enough."""
    FAILED = auto()
    """The customer is too young, or showed no document."""


class AgeCheck(Entity):
    """A check of the customer's age at the handover; neither number nor date of birth is stored."""

    __tablename__ = "age_check"
    __table_args__ = (Index("ix_age_check_order", "order_id"),)

    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    store_id: Mapped[UUID] = foreign_key("store.id")
    customer_id: Mapped[UUID]
    checked_by_id: Mapped[UUID] = foreign_key("person.id", index=True)
    minimum_age: Mapped[int]
    document: Mapped[AgeCheckDocument]
    from_birth_date: Mapped[bool] = mapped_column(default=False)
    result: Mapped[AgeCheckResult]
    checked_at: Mapped[datetime]
