"""Disputes: a cardholder's bank demands captured money back; scripted by the control endpoint."""

from typing import Any

from simulators.stripe.account import StripeAccount
from simulators.stripe.wire import ApiError, Body, choice, new_id, positive, text

EVIDENCE_SECONDS = 14 * 24 * 3600
STATUSES = ("needs_response", "under_review", "won", "lost")
CLOSED = ("won", "lost")


def control(account: StripeAccount, body: Any) -> Body:
    """POST /_control/disputes: open a dispute of an intent, or change the status of one.

    {"payment_intent": id, "amount": n, "reason": "fraudulent"} or {"dispute": id, "status": "won"}.
    """
    names = body if isinstance(body, dict) else {}
    with account.state.transaction():
        if key := text(names, "dispute"):
            return _change(account, account.get("dispute", key, "dispute"), names)
        intent = account.get("payment_intent", text(names, "payment_intent") or "")
        return _open(account, intent, names)


def block_refunds(account: StripeAccount, charge: Body) -> bool:
    """Whether a dispute of this charge that is not won forbids refunds."""
    page = account.state.page(
        "dispute", before=None, after=None, parent=charge["payment_intent"], limit=100
    )
    return any(dispute["status"] != "won" for dispute in page)


def _open(account: StripeAccount, intent: Body, names: Body) -> Body:
    if intent["status"] != "succeeded":
        raise ApiError(400, "Only captured money can be disputed.", param="payment_intent")
    charge = account.get("charge", intent["latest_charge"])
    now = account.state.now()
    amount = positive({"amount": str(names.get("amount") or charge["amount_captured"])}, "amount")
    dispute: Body = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "evidence_details": {
            "due_by": now + EVIDENCE_SECONDS,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent["id"],
        "reason": text(names, "reason") or "fraudulent",
        "status": "needs_response",
    }
    charge["disputed"] = True
    account.state.save(charge)
    account.state.add(dispute, parent=intent["id"])
    account.emit("charge.dispute.created", dispute)
    return dispute


def _change(account: StripeAccount, dispute: Body, names: Body) -> Body:
    dispute["status"] = choice(names, "status", STATUSES) or "under_review"
    account.state.save(dispute)
    closed = dispute["status"] in CLOSED
    account.emit("charge.dispute.closed" if closed else "charge.dispute.updated", dispute)
    return dispute
