from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Keyed, at_now


class JobState(Base):
    """How a job fares, by the worker that ran it last; written every few seconds."""

    __tablename__ = "job_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    every_seconds: Mapped[float]
    began_at: Mapped[datetime]
    duration_ms: Mapped[int]
    done: Mapped[int]
    runs: Mapped[int]
    failures: Mapped[int]
    last_error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    backlog: Mapped[int | None]


class JobFailure(Keyed):
    """One thing that a job can't do: it waits longer after each try, and in the end for people."""

    __tablename__ = "job_failure"
    __table_args__ = (Index("uq_job_failure_item", "job", "item", unique=True),)

    job: Mapped[str]
    item: Mapped[UUID]
    tries: Mapped[int]
    error: Mapped[str]
    first_at: Mapped[datetime] = at_now()
    last_at: Mapped[datetime] = at_now()
    next_at: Mapped[datetime]
    dead: Mapped[bool] = mapped_column(default=False)
