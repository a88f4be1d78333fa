"""Card payments: one provider-neutral flow (authorize, capture once, refund) and its adapters."""

from gateways.payments.flow import (
    CancelReason,
    Intent,
    IntentState,
    Payments,
    RefundReason,
    RefundResult,
    RefundState,
    WebhookEvent,
)
from gateways.payments.refusal import (
    BadSignature,
    PaymentFault,
    PaymentInvalid,
    PaymentRefused,
    PaymentUnavailable,
    PaymentUnknown,
)
from gateways.payments.stripe_adapter import StripePayments

__all__ = [
    "BadSignature",
    "CancelReason",
    "Intent",
    "IntentState",
    "PaymentFault",
    "PaymentInvalid",
    "PaymentRefused",
    "PaymentUnavailable",
    "PaymentUnknown",
    "Payments",
    "RefundReason",
    "RefundResult",
    "RefundState",
    "StripePayments",
    "WebhookEvent",
]
