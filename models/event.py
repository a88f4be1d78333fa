from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, at_now


class Stream(Base):
    """The head of one stream: its row lock puts writers in line, so numbers have no gaps."""

    __tablename__ = "stream"
    __table_args__: Any = ({"postgresql_with": {"fillfactor": 50}},)

    stream: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[UUID | None]
    seq: Mapped[int] = mapped_column(BigInteger, default=0)


class Event(Base):
    """Something that happened, numbered 1, 2, 3 … within its stream. Append-only."""

    __tablename__ = "event"

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    company_id: Mapped[UUID | None]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime] = at_now()
