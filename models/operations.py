from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, default_now


class JobState(Base):
    """The state of a job, written every few seconds by the worker that ran it last."""

    __tablename__ = "job_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    interval_seconds: Mapped[float]
    last_started_at: Mapped[datetime]
    duration_milliseconds: Mapped[int]
    processed_count: Mapped[int]
    run_count: Mapped[int]
    consecutive_failure_count: Mapped[int]
    last_error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    backlog: Mapped[int | None]


class JobCursor(Base):
    """Where a job that walks a whole table in slices goes on with its next run."""

    __tablename__ = "job_cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str]
    at: Mapped[datetime] = default_now()


class JobFailure(Entity):
    """An item that a job failed on; retried with growing delays until it is a dead letter."""

    __tablename__ = "job_failure"
    __table_args__ = (Index("uq_job_failure_item", "job", "item", unique=True),)

    job: Mapped[str]
    item: Mapped[UUID]
    attempt_count: Mapped[int]
    transient_attempt_count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    error: Mapped[str]
    first_failed_at: Mapped[datetime] = default_now()
    last_failed_at: Mapped[datetime] = default_now()
    next_attempt_at: Mapped[datetime]
    dead_lettered: Mapped[bool] = mapped_column(default=False)


class AuditEntry(Entity):
    """Changes of a transaction: actor, address, values before and after. Append-only."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_company", "company_id", "id"),)

    at: Mapped[datetime] = default_now()
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    company_id: Mapped[UUID | None]
    address: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str] = mapped_column(default="")
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
