from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol
from uuid import UUID

CancelReason = Literal["requested_by_customer", "abandoned", "duplicate", "fraudulent"]
RefundReason = Literal["requested_by_customer", "duplicate", "fraudulent"]


class IntentState(StrEnum):
    """Where one payment attempt stands, in our words."""

    INITIATED = "initiated"
    ACTION_REQUIRED = "action_required"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    FAILED = "failed"


class RefundState(StrEnum):
    """Whether the money of a refund is on its way back."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Intent:
    """One attempt to be paid, as the provider sees it now; amounts in minor units.

    `refunded_minor` counts only captured money sent back, and is None where the provider's
    message didn't carry it (webhooks of the intent itself): read the intent again to know.
    FAILED is not final: the customer may confirm the same intent with another card.
    """

    id: str
    state: IntentState
    amount_minor: int
    capturable_minor: int
    captured_minor: int
    refunded_minor: int | None
    currency: str
    client_secret: str | None
    failure_code: str | None
    failure_message: str | None
    next_action_url: str | None
    payment_id: UUID | None


@dataclass(frozen=True, slots=True)
class RefundResult:
    """One refund; `key` is the key it was asked with, None when it was made elsewhere (by hand
    on the provider's own pages)."""

    id: str
    state: RefundState
    amount_minor: int
    currency: str
    intent_id: str | None
    key: str | None
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A signed message of the provider; may come twice, late and out of order.

    `event_id` is the inbox key. `kind` is the provider's own name of the event. The body may be
    older than what is known already, so whoever handles it reads `intent_id` again.
    """

    event_id: str
    kind: str
    occurred_at: datetime
    intent_id: str | None
    payment_id: UUID | None
    intent: Intent | None
    refund: RefundResult | None


class Payments(Protocol):
    """What the store needs of a payment provider.

    Every call ends within the adapter's time limit, with an answer or a PaymentFault. Every write
    carries a key: the same key asked again gives the first answer, never a second effect.
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
    ) -> Intent:
        """Open an intent to hold `amount_minor`; with a saved `method_ref` try it at once.

        Raises PaymentRefused when the saved card is declined.
        """
        ...

    async def retrieve(self, intent_id: str) -> Intent:
        """Read the intent as it is now, refunds included."""
        ...

    async def capture(self, intent_id: str, amount_minor: int, key: str) -> Intent:
        """Take `amount_minor` of the held money once and release the rest.

        Raises PaymentInvalid when more is asked than is held or nothing is held any more.
        """
        ...

    async def cancel(self, intent_id: str, reason: CancelReason, key: str) -> Intent:
        """Release the held money; raises PaymentInvalid when it is captured or canceled already."""
        ...

    async def refund(
        self, intent_id: str, amount_minor: int, key: str, reason: RefundReason | None = None
    ) -> RefundResult:
        """Send captured money back; raises PaymentInvalid beyond what was captured."""
        ...

    def read_webhook(self, body: bytes, signature: str) -> WebhookEvent:
        """Verify and read one signed message; raises BadSignature, also when it is too old."""
        ...

    async def close(self) -> None:
        """Let go of the connections; the object can't be used afterwards."""
        ...
