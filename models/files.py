"""Files that people send: pictures and documents, each for one purpose."""

from datetime import datetime
from enum import auto
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Entity, NamedEnum, default_now, foreign_key


class FilePurpose(NamedEnum):
    """What a file is for: it decides who may send and see it, its types, size and time."""

    PRODUCT_IMAGE = auto()
    """A picture of a product, from a company's managers."""
    COMPANY_DOCUMENT = auto()
    """A document of a company, for its admins."""
    TICKET_PHOTO = auto()
    """A picture for support, from the person who asks; seen by them and by support."""


class FileStatus(NamedEnum):
    """The status of a file."""

    UPLOADING = auto()
    """The client sends it to the upload's address."""
    READY = auto()
    """It was checked and can be downloaded."""
    REJECTED = auto()
    """It failed a check; see rejection. Final."""
    EXPIRED = auto()
    """Its time is over: it did not arrive, or its retention period has ended. Final."""


class FileRejection(NamedEnum):
    """Why a file was rejected after it had arrived."""

    TOO_LARGE = auto()
    """It has more bytes than its purpose allows, or not as many as were announced."""
    UNSUPPORTED_TYPE = auto()
    """Its content is of no type that its purpose allows, whatever the client has called it."""
    DAMAGED = auto()
    """It can't be read, has too many pixels, or is animated."""


class File(Entity):
    """A file and its state; the bytes are in the storage, under its id.

    What a client sends is `staged`, what was checked and can be downloaded is another object.
    `expires_at` ends the upload while it is UPLOADING, and what was kept when it is READY.
    `has_staged` holds until the staged object can't come back: until its address is too old.
    """

    __tablename__ = "stored_file"
    __table_args__ = (
        Index("ix_stored_file_owner", "owner_id", "created_at"),
        Index("ix_stored_file_company", "company_id", "id"),
        Index("ix_stored_file_expires", "expires_at"),
        Index("ix_stored_file_staged", "created_at", postgresql_where=text("has_staged")),
        CheckConstraint("(status = 'REJECTED') = (rejection is not null)", name="rejection"),
        CheckConstraint("status <> 'READY' or sha256 is not null", name="digest"),
    )

    owner_id: Mapped[UUID] = foreign_key("person.id")
    company_id: Mapped[UUID | None] = foreign_key("company.id", nullable=True)
    purpose: Mapped[FilePurpose]
    status: Mapped[FileStatus] = mapped_column(default=FileStatus.UPLOADING)
    rejection: Mapped[FileRejection | None]
    name: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    has_staged: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = default_now()
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
