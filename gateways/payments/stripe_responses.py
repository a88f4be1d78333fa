"""Parses Stripe's JSON into provider-neutral types."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe

from gateways.payments.errors import InvalidSignature
from gateways.payments.interface import (
    IntentState,
    PaymentIntent,
    PaymentWebhookEvent,
    RefundResult,
    RefundState,
)

REFUND_KEY = "refund_key"

INTENT_STATES = {
    "requires_payment_method": IntentState.INITIATED,
    "requires_confirmation": IntentState.INITIATED,
    "processing": IntentState.INITIATED,
    "requires_action": IntentState.ACTION_REQUIRED,
    "requires_capture": IntentState.AUTHORIZED,
    "succeeded": IntentState.CAPTURED,
    "canceled": IntentState.VOIDED,
}
REFUND_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}


def parse_intent(body: Mapping[str, Any]) -> PaymentIntent:
    """Parse a payment_intent object."""
    failure = body.get("last_payment_error") or {}
    action = body.get("next_action") or {}
    state = INTENT_STATES[body["status"]]
    if failure and body["status"] == "requires_payment_method":
        state = IntentState.FAILED
    return PaymentIntent(
        id=body["id"],
        state=state,
        amount_minor=body["amount"],
        capturable_minor=body.get("amount_capturable") or 0,
        captured_minor=body.get("amount_received") or 0,
        refunded_minor=_refunded_minor(body),
        currency=body["currency"].upper(),
        client_secret=body.get("client_secret"),
        failure_code=failure.get("decline_code") or failure.get("code"),
        failure_message=failure.get("message"),
        next_action_url=(action.get("redirect_to_url") or {}).get("url"),
        payment_id=_payment_id(body),
    )


def parse_optional_intent(body: object) -> PaymentIntent | None:
    """Parse an embedded payment_intent object, if there is one."""
    return parse_intent(body) if isinstance(body, Mapping) else None


def parse_refund(body: Mapping[str, Any]) -> RefundResult:
    """Parse a refund object."""
    return RefundResult(
        id=body["id"],
        state=REFUND_STATES[body["status"]],
        amount_minor=body["amount"],
        currency=body["currency"].upper(),
        intent_id=_id(body.get("payment_intent")),
        key=(body.get("metadata") or {}).get(REFUND_KEY),
        failure_reason=body.get("failure_reason"),
    )


def parse_webhook(
    body: bytes, signature: str, secret: str, tolerance_seconds: int
) -> PaymentWebhookEvent:
    """Verify the signature with the SDK, then parse the event. Raises InvalidSignature."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, tolerance_seconds)
    # The SDK raises these for a non-ASCII signature, or a body that is not UTF-8.
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise InvalidSignature("The webhook's signature is wrong or too old.") from error
    try:
        return _parse_event(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidSignature("The webhook isn't an event that can be read.") from error


def _parse_event(event: Mapping[str, Any]) -> PaymentWebhookEvent:
    data = event["data"]["object"]
    is_intent = data["object"] == "payment_intent"
    intent_id = data["id"] if is_intent else _id(data.get("payment_intent"))
    return PaymentWebhookEvent(
        event_id=event["id"],
        type=event["type"],
        occurred_at=datetime.fromtimestamp(event["created"], UTC),
        intent_id=intent_id,
        payment_id=_payment_id(data),
        intent=parse_intent(data) if is_intent else None,
        refund=parse_refund(data) if data["object"] == "refund" else None,
    )


def _refunded_minor(body: Mapping[str, Any]) -> int | None:
    charge = body.get("latest_charge")
    if charge is None:
        return 0
    if not isinstance(charge, Mapping):
        return None
    # Since API version 2025-03-31 released amounts no longer count as refunded.
    return int(charge["amount_refunded"])


def _payment_id(body: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID((body.get("metadata") or {})["payment_id"])
    except (KeyError, ValueError):
        return None


def _id(reference: object) -> str | None:
    if isinstance(reference, Mapping):
        reference = reference.get("id")
    return reference if isinstance(reference, str) else None
