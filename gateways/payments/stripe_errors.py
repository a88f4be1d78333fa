"""Translates the SDK's exceptions into provider-neutral errors."""

from typing import Any, Literal

import stripe

from gateways.payments import stripe_responses as responses
from gateways.payments.errors import (
    PaymentDeclined,
    PaymentError,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
)


def to_payment_error(error: stripe.StripeError) -> PaymentError:
    """The error of this package that means the same."""
    message = error.user_message or "The payment provider gave no reason."
    details = _error_details(error)
    code = details.get("code") or details.get("type")
    intent = responses.parse_optional_intent(details.get("payment_intent"))
    match _category(error):
        case "declined":
            decline_code = details.get("decline_code")
            return PaymentDeclined(message, code=code, decline_code=decline_code, intent=intent)
        case "not_found":
            return PaymentNotFound(message, code=code)
        case "invalid":
            return PaymentRequestInvalid(message, code=code, intent=intent)
        case "unavailable":
            return PaymentUnavailable(message, code=code)


def _category(
    error: stripe.StripeError,
) -> Literal["declined", "not_found", "invalid", "unavailable"]:
    match error:
        case stripe.CardError():
            return "declined"
        case stripe.InvalidRequestError(code="resource_missing"):
            return "not_found"
        case stripe.InvalidRequestError(code="lock_timeout"):
            return "unavailable"
        case stripe.InvalidRequestError() | stripe.IdempotencyError():
            return "invalid"
        # Network errors, 5xx, 409 in flight, rate limits, and a rejected API key: in each case the
        # payment is undecided and a later retry is right.
        case _:
            return "unavailable"


def _error_details(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}
