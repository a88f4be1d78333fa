from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, foreign_key

MAX_TRACK_BYTES = 32_768


class DeliveryTrack(Base):
    """The track of one delivery: `line` holds its points, encoded by the track codec."""

    __tablename__ = "delivery_track"
    __table_args__ = (
        Index("ix_delivery_track_last", "last_recorded_at"),
        CheckConstraint("point_count > 0", name="point_count"),
        CheckConstraint("first_recorded_at <= last_recorded_at", name="times"),
    )

    delivery_id: Mapped[UUID] = foreign_key("delivery.id", primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    line: Mapped[bytes] = mapped_column(LargeBinary)
    point_count: Mapped[int]
    first_recorded_at: Mapped[datetime]
    last_recorded_at: Mapped[datetime]
