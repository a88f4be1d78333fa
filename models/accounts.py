from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, default_now, foreign_key
from models.geo_point import Point
from models.identity import Role


class Person(Entity):
    """A person with an account; a guest has neither phone nor e-mail yet."""

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_email", text("lower(email)"), unique=True),
        CheckConstraint("phone ~ '^[+][1-9][0-9]{6,14}$'", name="phone"),
    )

    name: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None] = mapped_column(info={"secret": True})
    language: Mapped[str] = mapped_column(default="en")
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    merged_into_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True)
    created_at: Mapped[datetime] = default_now()


class Membership(Entity):
    """A role granted to a person, until revoked."""

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_live",
            "person_id",
            "role",
            "company_id",
            "store_id",
            unique=True,
            postgresql_where=text("revoked_at is null"),
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("store_id is null or company_id is not null", name="store_in_company"),
    )

    person_id: Mapped[UUID] = foreign_key("person.id")
    role: Mapped[Role]
    company_id: Mapped[UUID | None] = foreign_key("company.id", nullable=True, index=True)
    store_id: Mapped[UUID | None] = foreign_key("store.id", nullable=True)
    granted_at: Mapped[datetime] = default_now()
    revoked_at: Mapped[datetime | None]


class Address(Entity):
    """A person's delivery address."""

    __tablename__ = "address"

    person_id: Mapped[UUID] = foreign_key("person.id", index=True)
    label: Mapped[str]
    line: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    gate_code: Mapped[str] = mapped_column(default="", info={"secret": True})
    drop_note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = default_now()
    removed_at: Mapped[datetime | None]

    @property
    def point(self) -> Point:
        return Point(self.latitude, self.longitude)
