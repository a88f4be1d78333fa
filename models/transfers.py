from datetime import date, datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, refers


class TransferStatus(Named):
    """Where goods on their way between two stores are.

    RECEIVED arrived whole; PARTLY_RECEIVED arrived with units missing or damaged.
    """

    REQUESTED = auto()
    APPROVED = auto()
    REJECTED = auto()
    PICKING = auto()
    SHIPPED = auto()
    RECEIVED = auto()
    PARTLY_RECEIVED = auto()
    CANCELED = auto()


class TransferAction(Named):
    """What a person may do with a transfer next."""

    APPROVE = auto()
    REJECT = auto()
    PICK = auto()
    SHIP = auto()
    RECEIVE = auto()
    CANCEL = auto()


class TransferDirection(Named):
    """Which way goods go, as one store sees it."""

    INCOMING = auto()
    OUTGOING = auto()


class Transfer(Keyed):
    """Goods that one store (or warehouse) gives to another of its company."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("source_id <> destination_id", name="two_stores"),
        Index("ix_transfer_source", "source_id", "id"),
        Index("ix_transfer_destination", "destination_id", "id"),
    )

    company_id: Mapped[UUID] = refers("company.id")
    source_id: Mapped[UUID] = refers("store.id")
    destination_id: Mapped[UUID] = refers("store.id")
    status: Mapped[TransferStatus] = mapped_column(default=TransferStatus.REQUESTED)
    note: Mapped[str] = mapped_column(default="")
    decision_note: Mapped[str] = mapped_column(default="")
    requested_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    decided_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    shipped_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    received_by_id: Mapped[UUID | None] = refers("person.id", nullable=True)
    requested_at: Mapped[datetime] = at_now()
    decided_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class TransferLine(Keyed):
    """One product of a transfer, and how many of it were asked for, sent and met again.

    Once the goods have arrived, shipped = received + damaged + missing.
    """

    __tablename__ = "transfer_line"
    __table_args__ = (
        UniqueConstraint("transfer_id", "product_id"),
        CheckConstraint("requested > 0", name="requested"),
        CheckConstraint("shipped between 0 and requested", name="shipped"),
        CheckConstraint("received >= 0 and damaged >= 0 and missing >= 0", name="counted"),
        CheckConstraint("received + damaged + missing <= shipped", name="no_more_than_shipped"),
    )

    transfer_id: Mapped[UUID] = refers("transfer.id")
    company_id: Mapped[UUID] = refers("company.id")
    product_id: Mapped[UUID] = refers("product.id")
    position: Mapped[int]
    requested: Mapped[int]
    shipped: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    damaged: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)


class TransferLot(Base):
    """Units of a transfer's line that came out of one batch, or out of none; numbered from 0."""

    __tablename__ = "transfer_lot"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    line_id: Mapped[UUID] = refers("transfer_line.id", primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = refers("company.id")
    batch_code: Mapped[str | None]
    expires_on: Mapped[date | None]
    quantity: Mapped[int]
