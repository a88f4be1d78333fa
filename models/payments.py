from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Entity, NamedEnum, default_now, foreign_key, minor_units


class PaymentStatus(NamedEnum):
    """The status of a payment: authorized when the order is placed, captured when packed."""

    INITIATED = auto()
    """Created; waits for confirmation by the customer."""
    ACTION_REQUIRED = auto()
    """The bank requires authentication (3-D Secure)."""
    AUTHORIZED = auto()
    """Funds are reserved on the card."""
    CAPTURED = auto()
    """The final total was collected."""
    PARTLY_REFUNDED = auto()
    """Part of the captured amount was refunded."""
    REFUNDED = auto()
    """The whole captured amount was refunded. Final."""
    FAILED = auto()
    """Declined; another card may follow while the order waits."""
    VOIDED = auto()
    """Authorization released without capture. Final."""
    EXPIRED = auto()
    """Authorization released because the order expired. Final."""


class Payment(Entity):
    """The card payment of one order: what the provider has authorized, captured and refunded.

    `capture_wanted_minor` and `void_wanted` are the outbox: set in the business transaction, sent
    to the provider afterwards, cleared when the provider's answer is stored.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("captured_minor <= authorized_minor", name="captured"),
        CheckConstraint("refunded_minor <= captured_minor", name="refunded"),
        Index("ix_payment_order", "order_id"),
        Index("ix_payment_intent", "intent_id", unique=True),
        Index("ix_payment_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID] = foreign_key("person.id")
    provider: Mapped[str] = mapped_column(default="stripe")
    intent_id: Mapped[str | None]
    client_secret: Mapped[str | None] = mapped_column(info={"secret": True})
    next_action_url: Mapped[str | None]
    status: Mapped[PaymentStatus] = mapped_column(default=PaymentStatus.INITIATED)
    currency: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    authorized_minor: Mapped[int] = minor_units(default=0)
    captured_minor: Mapped[int] = minor_units(default=0)
    refunded_minor: Mapped[int] = minor_units(default=0)
    capture_wanted_minor: Mapped[int | None] = minor_units(default=None)
    void_wanted: Mapped[bool] = mapped_column(default=False)
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)


class RefundStatus(NamedEnum):
    """The status of a refund; REQUESTED already reduces what can still be refunded."""

    REQUESTED = auto()
    """Requested; waits for the payment provider."""
    SUCCEEDED = auto()
    """The provider sent the money back."""
    FAILED = auto()
    """The provider could not send the money back. Final."""


class RefundReason(NamedEnum):
    """The reason for a refund."""

    ITEM_MISSING = auto()
    """An item was not delivered."""
    ITEM_WRONG = auto()
    """A different item was delivered."""
    ITEM_DAMAGED = auto()
    """An item arrived damaged."""
    LATE = auto()
    """The order arrived after its estimate."""
    CANCELED = auto()
    """The order was canceled after payment."""
    GOODWILL = auto()
    """Compensation without an item at fault."""


class Refund(Entity):
    """A refund of a part of one captured payment."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_refund_order", "order_id"),
        Index("ix_refund_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    payment_id: Mapped[UUID] = foreign_key("payment.id", index=True)
    order_id: Mapped[UUID] = foreign_key("order.id")
    ticket_id: Mapped[UUID | None]
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID] = foreign_key("person.id")
    provider_refund_id: Mapped[str | None]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[str]
    reason: Mapped[RefundReason]
    note: Mapped[str] = mapped_column(default="")
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.REQUESTED)
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    requested_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = default_now()


class PaymentNotice(Base):
    """A webhook of the payment provider, stored once per provider event, then processed."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        Index("ix_payment_notice_open", "received_at", postgresql_where=text("done_at is null")),
    )

    event_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    kind: Mapped[str]
    intent_id: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = default_now()
    done_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
