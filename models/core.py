from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, default_now


class IdempotencyKey(Base):
    """A client's idempotency key, written in the transaction of the effect that it guards."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    mutation: Mapped[str]
    fingerprint: Mapped[bytes]
    outcome: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = default_now()
