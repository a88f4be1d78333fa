"""Card payments: a provider-neutral interface (authorize, capture once, refund) and adapters."""

from gateways.payments.errors import (
    InvalidSignature,
    PaymentDeclined,
    PaymentError,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
)
from gateways.payments.interface import (
    DisputeResult,
    DisputeState,
    IntentCancelReason,
    IntentState,
    ListPage,
    PaymentGateway,
    PaymentIntent,
    PaymentWebhookEvent,
    ProviderRefundReason,
    RefundResult,
    RefundState,
)
from gateways.payments.stripe_adapter import StripePaymentGateway

__all__ = [
    "DisputeResult",
    "DisputeState",
    "IntentCancelReason",
    "IntentState",
    "InvalidSignature",
    "ListPage",
    "PaymentDeclined",
    "PaymentError",
    "PaymentGateway",
    "PaymentIntent",
    "PaymentNotFound",
    "PaymentRequestInvalid",
    "PaymentUnavailable",
    "PaymentWebhookEvent",
    "ProviderRefundReason",
    "RefundResult",
    "RefundState",
    "StripePaymentGateway",
]
