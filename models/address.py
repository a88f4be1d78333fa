from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Keyed, at_now, refers
from models.point import Point


class Address(Keyed):
    """A place a person has groceries brought to."""

    __tablename__ = "address"

    person_id: Mapped[UUID] = refers("person.id", index=True)
    label: Mapped[str]
    line: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    gate_code: Mapped[str] = mapped_column(default="", info={"secret": True})
    drop_note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = at_now()
    removed_at: Mapped[datetime | None]

    @property
    def point(self) -> Point:
        return Point(self.latitude, self.longitude)
