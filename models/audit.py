from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, at_now


class AuditEntry(Keyed):
    """Who wrote what, before and after, from where. Append-only."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_company", "company_id", "id"),)

    at: Mapped[datetime] = at_now()
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    company_id: Mapped[UUID | None]
    address: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str] = mapped_column(default="")
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
