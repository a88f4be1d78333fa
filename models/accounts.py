from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key
from models.geo_point import Point
from models.identity import Role


class User(Entity):
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
    merged_into_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    created_at: Mapped[datetime] = default_now()

    @property
    def is_guest(self) -> bool:
        """Whether nothing is known by which the person could sign in again."""
        return not self.phone and not self.email and self.merged_into_id is None


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

    person_id: Mapped[UUID] = foreign_key("person.id", index=True)
    role: Mapped[Role]
    company_id: Mapped[UUID | None] = foreign_key("company.id", nullable=True, index=True)
    store_id: Mapped[UUID | None] = foreign_key("store.id", nullable=True)
    granted_at: Mapped[datetime] = default_now()
    revoked_at: Mapped[datetime | None]


class InvitationStatus(NamedEnum):
    """The status of an invitation."""

    PENDING = auto()
    """Waits for the answer of the invited."""
    ACCEPTED = auto()
    """The invited holds the role. Final."""
    DECLINED = auto()
    """The invited does not want the role. Final."""
    EXPIRED = auto()
    """Not answered in time. Final."""
    REVOKED = auto()
    """Taken back before it was answered. Final."""


class InvitationAction(NamedEnum):
    """A step that somebody can take with an invitation."""

    ACCEPT = auto()
    """Take the role; for the invited."""
    DECLINE = auto()
    """Refuse the role; for the invited."""
    RESEND = auto()
    """Send the message again; for those who may grant the role."""
    REVOKE = auto()
    """Take the invitation back; for those who may grant the role."""


class Invitation(Entity):
    """A role that is offered to the owner of a phone or an e-mail address, known or not.

    `round` is part of the link's key: a message that is sent again makes earlier links invalid.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        Index(
            "uq_invitation_pending",
            *("role", "company_id", "store_id", "phone", "email"),
            unique=True,
            postgresql_where=text("status = 'PENDING'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_invitation_company", "company_id", "created_at"),
        Index("ix_invitation_inviter", "invited_by_id", "created_at"),
        Index("ix_invitation_phone", "phone", postgresql_where=text("status = 'PENDING'")),
        Index("ix_invitation_email", "email", postgresql_where=text("status = 'PENDING'")),
        Index("ix_invitation_due", "expires_at", postgresql_where=text("status = 'PENDING'")),
        CheckConstraint("(phone is null) <> (email is null)", name="one_contact"),
        CheckConstraint("store_id is null or company_id is not null", name="store_in_company"),
    )

    role: Mapped[Role]
    company_id: Mapped[UUID | None] = foreign_key("company.id", nullable=True)
    store_id: Mapped[UUID | None] = foreign_key("store.id", nullable=True, index=True)
    phone: Mapped[str | None]
    email: Mapped[str | None]
    status: Mapped[InvitationStatus] = mapped_column(default=InvitationStatus.PENDING)
    invited_by_id: Mapped[UUID] = foreign_key("person.id")
    membership_id: Mapped[UUID | None] = foreign_key("membership.id", nullable=True, index=True)
    message_id: Mapped[UUID | None]
    round: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = default_now()
    sent_at: Mapped[datetime] = default_now()
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Address(Entity):
    """A person's delivery address."""

    __tablename__ = "address"

    person_id: Mapped[UUID] = foreign_key("person.id", index=True)
    label: Mapped[str]
    address_line: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    gate_code: Mapped[str] = mapped_column(default="", info={"secret": True})
    delivery_instructions: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = default_now()
    removed_at: Mapped[datetime | None]

    @property
    def location(self) -> Point:
        return Point(self.latitude, self.longitude)
