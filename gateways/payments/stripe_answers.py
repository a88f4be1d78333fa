"""Stripe's JSON read into our words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe

from gateways.payments.flow import (
    Intent,
    IntentState,
    RefundResult,
    RefundState,
    WebhookEvent,
)
from gateways.payments.refusal import BadSignature

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


def intent(body: Mapping[str, Any]) -> Intent:
    """Read a payment_intent object."""
    failure = body.get("last_payment_error") or {}
    action = body.get("next_action") or {}
    state = INTENT_STATES[body["status"]]
    if failure and body["status"] == "requires_payment_method":
        state = IntentState.FAILED
    return Intent(
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


def intent_or_none(body: object) -> Intent | None:
    """Read a payment_intent object that came inside something else, if one did."""
    return intent(body) if isinstance(body, Mapping) else None


def refund(body: Mapping[str, Any]) -> RefundResult:
    """Read a refund object."""
    return RefundResult(
        id=body["id"],
        state=REFUND_STATES[body["status"]],
        amount_minor=body["amount"],
        currency=body["currency"].upper(),
        intent_id=_id(body.get("payment_intent")),
        key=(body.get("metadata") or {}).get(REFUND_KEY),
        failure_reason=body.get("failure_reason"),
    )


def webhook_event(body: bytes, signature: str, secret: str, tolerance_seconds: int) -> WebhookEvent:
    """Verify the signature by the SDK's own routine, then read the event."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, tolerance_seconds)
    # A signature of non-ASCII letters or a body that isn't UTF-8 escapes the SDK as one of these.
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise BadSignature("The webhook's signature is wrong or too old.") from error
    try:
        return _event(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadSignature("The webhook isn't an event that can be read.") from error


def _event(event: Mapping[str, Any]) -> WebhookEvent:
    thing = event["data"]["object"]
    kind = thing["object"]
    about = thing["id"] if kind == "payment_intent" else _id(thing.get("payment_intent"))
    return WebhookEvent(
        event_id=event["id"],
        kind=event["type"],
        occurred_at=datetime.fromtimestamp(event["created"], UTC),
        intent_id=about,
        payment_id=_payment_id(thing),
        intent=intent(thing) if kind == "payment_intent" else None,
        refund=refund(thing) if kind == "refund" else None,
    )


def _refunded_minor(body: Mapping[str, Any]) -> int | None:
    charge = body.get("latest_charge")
    if charge is None:
        return 0
    if not isinstance(charge, Mapping):
        return None
    # Since 2025-03-31 what a capture or a cancellation releases no longer counts as refunded.
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
