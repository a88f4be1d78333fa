"""Parses Stripe's JSON into provider-neutral types."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import stripe

from gateways.payments.errors import InvalidSignature
from gateways.payments.interface import (
    DisputeResult,
    DisputeState,
    IntentState,
    PaymentIntent,
    PaymentWebhookEvent,
    RefundResult,
    RefundState,
)

Parsed = TypeVar("Parsed")
REFUND_KEY = "refund_key"
UNREADABLE = "unreadable"
UNREADABLE_ERRORS = (
    ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError
)  # fmt: skip
"""What parsing raises for JSON of another form: a time out of range, a depth without end."""
MAX_TEXT_LENGTH = 500
MAX_MINOR = 2**63 - 1

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
# An inquiry ("warning") moves no money; closed without a dispute it is as good as won.
DISPUTE_STATES = {
    "warning_needs_response": DisputeState.NEEDS_RESPONSE,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def parse_intent(body: Mapping[str, Any]) -> PaymentIntent:
    """Parse a payment_intent object."""
    failure = body.get("last_payment_error") or {}
    action = body.get("next_action") or {}
    state = INTENT_STATES[body["status"]]
    if failure and body["status"] == "requires_payment_method":
        state = IntentState.FAILED
    return PaymentIntent(
        id=_text(body["id"]),
        state=state,
        amount_minor=body["amount"],
        capturable_minor=body.get("amount_capturable") or 0,
        captured_amount_minor=body.get("amount_received") or 0,
        refunded_amount_minor=_refunded_minor(body),
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
        id=_text(body["id"]),
        state=REFUND_STATES[body["status"]],
        amount_minor=_minor(body["amount"]),
        currency=_text(body["currency"]).upper(),
        intent_id=_id(body.get("payment_intent")),
        key=_optional_text((body.get("metadata") or {}).get(REFUND_KEY)),
        failure_reason=_optional_text(body.get("failure_reason")),
    )


def parse_dispute(body: Mapping[str, Any]) -> DisputeResult:
    """Parse a dispute object."""
    due_by = (body.get("evidence_details") or {}).get("due_by")
    return DisputeResult(
        id=_text(body["id"]),
        state=DISPUTE_STATES[body["status"]],
        amount_minor=_minor(body["amount"]),
        currency=_text(body["currency"]).upper(),
        intent_id=_id(body.get("payment_intent")),
        reason=_optional_text(body.get("reason")) or "general",
        evidence_due_at=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        opened_at=datetime.fromtimestamp(body["created"], UTC),
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
    except UNREADABLE_ERRORS as error:
        # Signed, so the provider did send it. A refusal would make it send the same for days.
        return PaymentWebhookEvent(
            event_id=f"{UNREADABLE}-{hashlib.sha256(body).hexdigest()[:32]}",
            type=UNREADABLE,
            occurred_at=datetime.now(UTC),
            intent_id=None,
            payment_id=None,
            unreadable=f"{type(error).__name__}: {error}",
        )


def _parse_event(event: Mapping[str, Any]) -> PaymentWebhookEvent:
    data, unreadable = event["data"]["object"], []

    def parsed(kind: str, parse: Callable[[Mapping[str, Any]], Parsed]) -> Parsed | None:
        """The object of the event, if it is of this kind and readable."""
        if data["object"] != kind:
            return None
        try:
            return parse(data)
        except UNREADABLE_ERRORS as error:
            unreadable.append(f"{kind}: {type(error).__name__}: {error}")
            return None

    def named(reference: object) -> str | None:
        """The id that a reference names, if there is one that can be read."""
        found = _id(reference)
        if found is None and reference is not None:
            unreadable.append(f"{data['object']}: the id can't be read")
        return found

    def occurred_at() -> datetime:
        """When it happened at the provider; now for a time that can't be read."""
        try:
            return datetime.fromtimestamp(event["created"], UTC)
        except UNREADABLE_ERRORS as error:
            unreadable.append(f"created: {type(error).__name__}: {error}")
            return datetime.now(UTC)

    is_intent = data["object"] == "payment_intent"
    return PaymentWebhookEvent(
        event_id=_text(event["id"]),
        type=_text(event["type"]),
        occurred_at=occurred_at(),
        intent_id=named(data["id"] if is_intent else data.get("payment_intent")),
        payment_id=_payment_id(data),
        intent=parsed("payment_intent", parse_intent),
        refund=parsed("refund", parse_refund),
        dispute_id=named(data["id"]) if data["object"] == "dispute" else None,
        unreadable="; ".join(unreadable) or None,
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
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _id(reference: object) -> str | None:
    if isinstance(reference, Mapping):
        reference = reference.get("id")
    return _optional_text(reference)


def _optional_text(value: object) -> str | None:
    """A text that can be stored and logged: not too long, on one line, without NUL."""
    is_text = isinstance(value, str) and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
    return str(value) if is_text else None


def _text(value: object) -> str:
    """As `_optional_text`. Raises ValueError for anything else."""
    text = _optional_text(value)
    if text is None:
        raise ValueError(f"no readable text: {str(value)[:50]!a}")
    return text


def _minor(value: object) -> int:
    """An amount in minor units. Raises ValueError for anything but a whole number that fits."""
    if type(value) is not int or not 0 <= value <= MAX_MINOR:
        raise ValueError(f"no amount: {str(value)[:50]!a}")
    return value
