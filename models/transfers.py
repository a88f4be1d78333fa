"""Transfers of goods between two stores of a company."""

from datetime import date, datetime
from enum import auto
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key


class StockTransferStatus(NamedEnum):
    """The status of a transfer between two stores."""

    REQUESTED = auto()
    """Waits for the source store's decision."""
    APPROVED = auto()
    """Approved; picking has not started."""
    REJECTED = auto()
    """The source store declined. Final."""
    PICKING = auto()
    """The source store is collecting the goods."""
    IN_TRANSIT = auto()
    """Goods are in transit."""
    RECEIVED = auto()
    """Everything arrived intact. Final."""
    PARTIALLY_RECEIVED = auto()
    """Arrived with units missing or damaged. Final."""
    CANCELED = auto()
    """Canceled before shipping. Final."""


class StockTransferAction(NamedEnum):
    """A step that a person can take with a transfer."""

    APPROVE = auto()
    """Agree to give the goods, as the source store."""
    REJECT = auto()
    """Decline the request, as the source store."""
    START_PICKING = auto()
    """Start to collect the goods at the source store."""
    SHIP = auto()
    """Send the goods to the destination store."""
    RECEIVE = auto()
    """Take in the goods at the destination store."""
    CANCEL = auto()
    """End the transfer before it is shipped."""


class StockTransferDirection(NamedEnum):
    """The direction of a transfer as seen by one store."""

    INCOMING = auto()
    """Goods come to the store."""
    OUTGOING = auto()
    """Goods leave the store."""


class StockTransfer(Entity):
    """Goods that move from one store or warehouse of a company to another."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("source_id <> destination_id", name="two_stores"),
        Index("ix_transfer_source", "source_id", "id"),
        Index("ix_transfer_destination", "destination_id", "id"),
    )

    company_id: Mapped[UUID] = foreign_key("company.id")
    source_id: Mapped[UUID] = foreign_key("store.id")
    destination_id: Mapped[UUID] = foreign_key("store.id")
    status: Mapped[StockTransferStatus] = mapped_column(default=StockTransferStatus.REQUESTED)
    note: Mapped[str] = mapped_column(default="")
    decision_note: Mapped[str] = mapped_column(default="")
    requested_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    decided_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    shipped_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    received_by_id: Mapped[UUID | None] = foreign_key("person.id", nullable=True, index=True)
    requested_at: Mapped[datetime] = default_now()
    decided_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class StockTransferLine(Entity):
    """One product of a transfer: its requested, shipped and received units.

    After the arrival, shipped = received + damaged + missing.
    """

    __tablename__ = "transfer_line"
    __table_args__ = (
        UniqueConstraint("transfer_id", "product_id"),
        CheckConstraint("requested > 0", name="requested"),
        CheckConstraint("shipped between 0 and requested", name="shipped"),
        CheckConstraint("received >= 0 and damaged >= 0 and missing >= 0", name="counted"),
        CheckConstraint("received + damaged + missing <= shipped", name="no_more_than_shipped"),
    )

    transfer_id: Mapped[UUID] = foreign_key("transfer.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    product_id: Mapped[UUID] = foreign_key("product.id")
    position: Mapped[int]
    requested: Mapped[int]
    shipped: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    damaged: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)


class TransferLot(Base):
    """Units of a transfer line from one batch, or from no known batch; numbered from 0."""

    __tablename__ = "transfer_lot"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    line_id: Mapped[UUID] = foreign_key("transfer_line.id", primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    batch_code: Mapped[str | None]
    sell_by_date: Mapped[date | None]
    quantity: Mapped[int]
