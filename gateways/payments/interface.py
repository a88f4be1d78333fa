from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, Protocol, TypeVar
from uuid import UUID

Row = TypeVar("Row")
IntentCancelReason = Literal["requested_by_customer", "abandoned", "duplicate", "fraudulent"]
ProviderRefundReason = Literal["requested_by_customer", "duplicate", "fraudulent"]


class IntentState(StrEnum):
    """State of a payment attempt, independent of the provider."""

    INITIATED = "initiated"
    ACTION_REQUIRED = "action_required"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    FAILED = "failed"


class RefundState(StrEnum):
    """State of a refund."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    """State of a dispute: the cardholder's bank demands the money back."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """A payment attempt as the provider reports it; amounts in minor units.

    `refunded_amount_minor` counts refunds of captured money only, and is None if the provider's
    message did not contain it (webhooks of the intent itself): retrieve the intent to know. FAILED
    is not final: the customer may confirm the same intent with another card.
    """

    id: str
    state: IntentState
    amount_minor: int
    capturable_minor: int
    captured_amount_minor: int
    currency: str
    payment_id: UUID | None
    refunded_amount_minor: int | None = None
    client_secret: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    next_action_url: str | None = None


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund; `key` is the idempotency key of the request, None for one from the dashboard."""

    id: str
    state: RefundState
    amount_minor: int
    currency: str
    intent_id: str | None
    key: str | None
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class DisputeResult:
    """A dispute; `reason` is the provider's word for it, `evidence_due_at` the bank's deadline."""

    id: str
    state: DisputeState
    amount_minor: int
    currency: str
    intent_id: str | None
    reason: str
    evidence_due_at: datetime | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """A page of a list of the account; `last_id` names its end if others follow, else None."""

    rows: Sequence[Row]
    last_id: str | None


@dataclass(frozen=True, slots=True)
class PaymentWebhookEvent:
    """A signed message of the provider; may arrive twice, late and out of order.

    `event_id` is the inbox key, `type` the provider's name of the event. The body may be older than
    the stored state, so the handler retrieves `intent_id` or `dispute_id` again. `unreadable` says
    why the object inside could not be parsed: the ids are all that is known then.
    """

    event_id: str
    type: str
    occurred_at: datetime
    intent_id: str | None
    payment_id: UUID | None
    intent: PaymentIntent | None = None
    refund: RefundResult | None = None
    dispute_id: str | None = None
    unreadable: str | None = None


class PaymentGateway(Protocol):
    """The operations of a payment provider.

    Every call ends within the adapter's time limit, with a result or a PaymentError. Every write
    has an idempotency key: a repeated key returns the first result without a second effect.
    """

    async def authorize(
        self,
        *,
        payment_id: UUID,
        order_id: UUID,
        amount_minor: int,
        currency: str,
        customer_ref: str | None = None,
        company_id: UUID | None = None,
        method_ref: str | None = None,
        return_url: str | None = None,
    ) -> PaymentIntent:
        """Create an intent to authorize `amount_minor`; a saved `method_ref` confirms it at once.

        Raises PaymentDeclined when the saved card is declined.
        """
        ...

    async def retrieve(self, intent_id: str) -> PaymentIntent:
        """Read the intent as it is now, refunds included."""
        ...

    async def capture(self, intent_id: str, amount_minor: int, key: str) -> PaymentIntent:
        """Capture `amount_minor` of the authorized amount once and release the rest.

        Raises PaymentRequestInvalid if that is more than authorized, or nothing is authorized.
        """
        ...

    async def cancel(self, intent_id: str, reason: IntentCancelReason, key: str) -> PaymentIntent:
        """Release the authorized amount.

        Raises PaymentRequestInvalid if it was captured or canceled already.
        """
        ...

    async def refund(
        self,
        intent_id: str,
        amount_minor: int,
        key: str,
        reason: ProviderRefundReason | None = None,
    ) -> RefundResult:
        """Refund captured money. Raises PaymentRequestInvalid beyond the captured amount."""
        ...

    async def retrieve_refund(self, refund_id: str) -> RefundResult:
        """Read a refund as it is now. Raises PaymentNotFound."""
        ...

    async def list_refunds(self, intent_id: str) -> Sequence[RefundResult]:
        """All refunds of an intent, those made in the provider's dashboard included."""
        ...

    async def list_recent_refunds(
        self, since: datetime, after: str | None = None
    ) -> ListPage[RefundResult]:
        """A page of the whole account's refunds that were made since then, the newest first.

        `after` is the last id of the page before.
        """
        ...

    async def retrieve_dispute(self, dispute_id: str) -> DisputeResult:
        """Read a dispute as it is now. Raises PaymentNotFound."""
        ...

    async def list_disputes(self, intent_id: str) -> Sequence[DisputeResult]:
        """All disputes of an intent."""
        ...

    async def list_recent_disputes(
        self, since: datetime, after: str | None = None
    ) -> ListPage[DisputeResult]:
        """As `list_recent_refunds`, for disputes that were opened since then."""
        ...

    def read_webhook(self, body: bytes, signature: str) -> PaymentWebhookEvent:
        """Verify and parse a signed message. Raises InvalidSignature, also if it is too old.

        A rightly signed message is always an event: what of it can't be read is left out.
        """
        ...

    async def close(self) -> None:
        """Close the connections; the object can't be used afterwards."""
        ...
