from datetime import datetime
from enum import auto
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, false, func, text
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
    PARTIALLY_REFUNDED = auto()
    """Part of the captured amount was refunded."""
    REFUNDED = auto()
    """The whole captured amount was refunded. This changes only if a refund fails later."""
    FAILED = auto()
    """Declined; another card may follow while the order waits."""
    VOIDED = auto()
    """Authorization released without capture."""
    EXPIRED = auto()
    """Authorization released because the order expired. Final."""
    DISPUTED = auto()
    """The cardholder's bank demands the captured money back; nothing can be refunded meanwhile."""
    WON = auto()
    """The dispute was decided for the seller: the captured amount stays."""
    LOST = auto()
    """The dispute was decided for the cardholder, who has the disputed amount back."""


class PaymentAction(NamedEnum):
    """An action on a payment."""

    RESUME = auto()
    """Retry at once what the provider has not executed; the count of tries restarts."""


class PaymentStuckReason(NamedEnum):
    """Why a person has to act on a payment or refund."""

    PROVIDER_UNAVAILABLE = auto()
    """The provider has not answered many tries; they continue every 15 minutes."""
    REFUSED = auto()
    """The provider refuses the request."""
    PENDING_TOO_LONG = auto()
    """The provider accepted a refund days ago and has not sent it."""


class DisputeStatus(NamedEnum):
    """The status of a dispute: the cardholder's bank demands captured money back."""

    NEEDS_RESPONSE = auto()
    """Evidence has to be sent at the provider before evidenceDueAt."""
    UNDER_REVIEW = auto()
    """The bank decides on the evidence."""
    WON = auto()
    """Decided for the seller, or withdrawn. Final."""
    LOST = auto()
    """Decided for the cardholder, who has the money back."""


class Payment(Entity):
    """One attempt to pay an order: what the provider has authorized, captured and refunded.

    An order has one current attempt. Earlier ones have lost their authorization or were replaced;
    one that is to replace the current attempt becomes current once it is authorized.

    `capture_wanted_minor` and `void_wanted` are the outbox: set in the business transaction, sent
    to the provider afterwards, cleared when the provider's answer is stored. `keep_minor` is set
    when the order has ended and that much of the captured amount may stay: the rest is refunded.

    `tries` counts the scheduled calls in a row that the provider did not answer, `refusals` those
    of one request that it refused; what callers trigger counts as neither.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("captured_amount_minor <= authorized_amount_minor", name="captured"),
        CheckConstraint("refunded_amount_minor <= captured_amount_minor", name="refunded"),
        CheckConstraint("(stuck_at is null) = (stuck_reason is null)", name="stuck"),
        Index("ix_payment_order", "order_id"),
        Index("uq_payment_current", "order_id", unique=True, postgresql_where=text("is_current")),
        Index("ix_payment_intent", "intent_id", unique=True),
        Index("ix_payment_due", "due_at", postgresql_where=text("due_at is not null")),
        Index("ix_payment_stuck", "id", postgresql_where=text("stuck_at is not null")),
    )

    order_id: Mapped[UUID] = foreign_key("order.id")
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(default="stripe")
    intent_id: Mapped[str | None]
    client_secret: Mapped[str | None] = mapped_column(info={"secret": True})
    next_action_url: Mapped[str | None]
    status: Mapped[PaymentStatus] = mapped_column(default=PaymentStatus.INITIATED)
    is_current: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    currency: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    authorized_amount_minor: Mapped[int] = minor_units(default=0)
    captured_amount_minor: Mapped[int] = minor_units(default=0)
    refunded_amount_minor: Mapped[int] = minor_units(default=0)
    capture_wanted_minor: Mapped[int | None] = minor_units(default=None)
    void_wanted: Mapped[bool] = mapped_column(default=False)
    keep_minor: Mapped[int | None] = minor_units(default=None)
    disputed_amount_minor: Mapped[int] = minor_units(default=0, server_default="0")
    dispute_status: Mapped[DisputeStatus | None]
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None]
    stuck_reason: Mapped[PaymentStuckReason | None]
    stuck_at: Mapped[datetime | None]
    time_extended: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its customer got the further time that an attempt gets once while the bank asks."""
    unanswered_since: Mapped[datetime | None]
    """When the provider first did not answer about it; null after its next answer."""
    outage_extended: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its customer got the further time that an attempt gets once after an outage."""
    reservation_released: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the units of its unpaid order were released while the provider did not answer."""
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)


class RefundStatus(NamedEnum):
    """The status of a refund; REQUESTED already reduces what can still be refunded."""

    REQUESTED = auto()
    """Requested; waits for the payment provider."""
    PENDING = auto()
    """Accepted by the provider; the money is on its way."""
    SUCCEEDED = auto()
    """The provider sent the money back."""
    FAILED = auto()
    """The provider could not send the money back: support has to retry it or pay otherwise."""
    RETRIED = auto()
    """Failed, and replaced by other refunds. Final."""
    PAID_OTHERWISE = auto()
    """Failed, and paid in another way, which the resolution names. Final."""
    CLOSED = auto()
    """Failed, and ended without another payment, for the reason in its resolution. Final."""


class RefundAction(NamedEnum):
    """An action of support on a refund."""

    RETRY = auto()
    """Request a failed refund again."""
    MARK_PAID = auto()
    """Record that a failed refund was paid in another way."""
    CLOSE = auto()
    """End a failed refund without another payment."""
    RESUME = auto()
    """Retry at once what the provider has not answered; the count of tries restarts."""


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
    OTHER = auto()
    """Another reason; see the note."""


class Refund(Entity):
    """A refund of a part of one captured payment.

    Those made in the provider's dashboard have a row too. `tries` counts the scheduled calls in a
    row that the provider did not answer.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(stuck_at is null) = (stuck_reason is null)", name="stuck"),
        Index(
            "uq_refund_provider_refund_id",
            "provider_refund_id",
            unique=True,
            postgresql_where=text("provider_refund_id is not null"),
        ),
        Index("ix_refund_stuck", "id", postgresql_where=text("stuck_at is not null")),
        Index("ix_refund_order", "order_id"),
        Index("ix_refund_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    payment_id: Mapped[UUID] = foreign_key("payment.id", index=True)
    order_id: Mapped[UUID] = foreign_key("order.id")
    ticket_id: Mapped[UUID | None]
    company_id: Mapped[UUID] = foreign_key("company.id")
    customer_id: Mapped[UUID]
    provider_refund_id: Mapped[str | None]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[str]
    reason: Mapped[RefundReason]
    note: Mapped[str] = mapped_column(default="")
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.REQUESTED)
    failure_message: Mapped[str | None]
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    stuck_reason: Mapped[PaymentStuckReason | None]
    stuck_at: Mapped[datetime | None]
    made_at_provider: Mapped[bool] = mapped_column(default=False, server_default=false())
    retry_of_id: Mapped[UUID | None] = foreign_key("refund.id", nullable=True)
    settled_by_id: Mapped[UUID | None] = foreign_key("refund.id", nullable=True)
    resolution: Mapped[str] = mapped_column(default="", server_default="")
    requested_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = default_now()


class Dispute(Entity):
    """A dispute of a captured payment, as the provider reports it.

    `reason` is the provider's word, such as `fraudulent`.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("uq_dispute_provider_dispute_id", "provider_dispute_id", unique=True),
        Index("ix_dispute_company", "company_id", "id"),
        Index("ix_dispute_due", "due_at", postgresql_where=text("due_at is not null")),
    )

    payment_id: Mapped[UUID] = foreign_key("payment.id", index=True)
    order_id: Mapped[UUID] = foreign_key("order.id", index=True)
    company_id: Mapped[UUID] = foreign_key("company.id")
    provider_dispute_id: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[str]
    reason: Mapped[str]
    status: Mapped[DisputeStatus] = mapped_column(default=DisputeStatus.NEEDS_RESPONSE)
    evidence_due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = default_now()
    version: Mapped[int] = mapped_column(default=1)


class PaymentNotice(Base):
    """A webhook of the payment provider, stored once per provider event, then processed."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        Index("ix_payment_notice_open", "received_at", postgresql_where=text("done_at is null")),
        Index("uq_payment_notice_id", "id", unique=True),
        Index("ix_payment_notice_done_at", "done_at", postgresql_where=text("done_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    event_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    kind: Mapped[str]
    intent_id: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = default_now()
    done_at: Mapped[datetime | None]
    failure: Mapped[str | None]
