"""The refunds endpoint, and the end of refunds that were left pending."""

from typing import Any

from simulators.stripe.account import ApiCall, StripeAccount
from simulators.stripe.disputes import block_refunds
from simulators.stripe.shapes import new_refund
from simulators.stripe.wire import ApiError, Body, allow, choice, metadata, positive, text

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(call: ApiCall) -> Body:
    """POST /v1/refunds"""
    allow(call.params, ("amount", "charge", "metadata", "payment_intent", "reason"))
    account = call.account
    reason = choice(call.params, "reason", REASONS)
    asked = positive(call.params, "amount")
    notes = metadata(call.params)
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if block_refunds(account, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(400, message, begun=True, code="charge_disputed")
    _refuse_too_much(charge, asked, left)
    status = "pending" if account.faults.pending_refunds else "succeeded"
    given: Body = {"metadata": notes, "reason": reason, "status": status}
    refund = new_refund(charge, asked or left, account.state.now(), **given)
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.state.add(refund, parent=charge["payment_intent"])
    account.state.save(charge)
    account.emit("refund.created", refund, call)
    account.emit("charge.refunded", charge, call)
    return refund


def finish(account: StripeAccount, body: Any) -> Body:
    """POST /_control/refunds: end a refund; {"refund": id, "status": "succeeded" or "failed"}."""
    names = body if isinstance(body, dict) else {}
    status = choice(names, "status", ("succeeded", "failed")) or "succeeded"
    with account.state.transaction():
        refund = account.get("refund", text(names, "refund") or "", "refund")
        if status == "failed" and refund["status"] != "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            charge = account.get("charge", refund["charge"])
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            account.state.save(charge)
        refund["status"] = status
        account.state.save(refund)
        account.emit("refund.failed" if status == "failed" else "refund.updated", refund)
    return refund


def _charge(call: ApiCall) -> Body:
    if key := text(call.params, "charge"):
        charge = call.account.get("charge", key, "charge")
    elif key := text(call.params, "payment_intent"):
        intent = call.account.get("payment_intent", key, "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                400,
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                begun=True,
                code="payment_intent_unexpected_state",
                payment_intent=intent,
            )
        charge = call.account.get("charge", intent["latest_charge"])
    else:
        raise ApiError(
            400,
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    if not charge["captured"]:
        raise ApiError(
            400, f"Charge {charge['id']} isn't captured.", begun=True, code="charge_not_refundable"
        )
    return charge


def _refuse_too_much(charge: Body, asked: int | None, left: int) -> None:
    if left == 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            begun=True,
            code="charge_already_refunded",
        )
    if asked is not None and asked > left:
        raise ApiError(
            400,
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})",
            begun=True,
            code="amount_too_large",
            param="amount",
        )
