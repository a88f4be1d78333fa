from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.base import Base, Keyed, Named, at_now, minor, refers


class PaymentStatus(Named):
    """One attempt to be paid: authorized at place, captured once when packed."""

    INITIATED = auto()
    ACTION_REQUIRED = auto()
    AUTHORIZED = auto()
    CAPTURED = auto()
    PARTLY_REFUNDED = auto()
    REFUNDED = auto()
    FAILED = auto()
    VOIDED = auto()
    EXPIRED = auto()


class Payment(Keyed):
    """What the provider has promised, taken and given back for one order.

    `capture_wanted_minor` and `void_wanted` are the outbox: set in the business transaction,
    carried out at the provider afterwards, cleared when the provider's answer is stored.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("captured_minor <= authorized_minor", name="captured"),
        CheckConstraint("refunded_minor <= captured_minor", name="refunded"),
        Index("ix_payment_order", "order_id"),
        Index("ix_payment_intent", "intent_id", unique=True),
        Index("ix_payment_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    order_id: Mapped[UUID] = refers("order.id")
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    provider: Mapped[str] = mapped_column(default="stripe")
    intent_id: Mapped[str | None]
    client_secret: Mapped[str | None] = mapped_column(info={"secret": True})
    next_action_url: Mapped[str | None]
    status: Mapped[PaymentStatus] = mapped_column(default=PaymentStatus.INITIATED)
    currency: Mapped[str]
    amount_minor: Mapped[int] = minor()
    authorized_minor: Mapped[int] = minor(default=0)
    captured_minor: Mapped[int] = minor(default=0)
    refunded_minor: Mapped[int] = minor(default=0)
    capture_wanted_minor: Mapped[int | None] = minor(default=None)
    void_wanted: Mapped[bool] = mapped_column(default=False)
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = at_now()
    version: Mapped[int] = mapped_column(default=1)


class RefundStatus(Named):
    """REQUESTED counts against what is left to refund, so two agents can't give it twice."""

    REQUESTED = auto()
    SUCCEEDED = auto()
    FAILED = auto()


class RefundReason(Named):
    """Why money goes back."""

    ITEM_MISSING = auto()
    ITEM_WRONG = auto()
    ITEM_DAMAGED = auto()
    LATE = auto()
    CANCELED = auto()
    GOODWILL = auto()


class Refund(Keyed):
    """Money given back of one captured payment."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_refund_order", "order_id"),
        Index("ix_refund_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    payment_id: Mapped[UUID] = refers("payment.id", index=True)
    order_id: Mapped[UUID] = refers("order.id")
    ticket_id: Mapped[UUID | None]
    company_id: Mapped[UUID] = refers("company.id")
    customer_id: Mapped[UUID] = refers("person.id")
    provider_refund_id: Mapped[str | None]
    amount_minor: Mapped[int] = minor()
    currency: Mapped[str]
    reason: Mapped[RefundReason]
    note: Mapped[str] = mapped_column(default="")
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.REQUESTED)
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    requested_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = at_now()


class PaymentNotice(Base):
    """A webhook as the provider sent it, kept once per provider event, then worked off."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        Index("ix_payment_notice_open", "received_at", postgresql_where=text("done_at is null")),
    )

    event_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    kind: Mapped[str]
    intent_id: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = at_now()
    done_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
