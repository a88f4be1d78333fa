"""The bank: charges, authentication of the customer, and expiry of authorizations."""

from simulators.stripe.account import ApiCall, StripeAccount
from simulators.stripe.cards import NOT_AUTHENTICATED, Card, Decline, card_named, new_method
from simulators.stripe.shapes import new_charge
from simulators.stripe.wire import ApiError, Body

EXPIRIES_AT_ONCE_COUNT = 200

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "authentication_not_handled",
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


def attach(account: StripeAccount, intent: Body, token: str) -> None:
    """Put a payment method on the intent: a test card's name, or one that exists already."""
    if card := card_named(token):
        method = account.state.add(new_method(card, account.state.now()), parent=token)
    else:
        method = account.get("payment_method", token, "payment_method")
    intent["payment_method"] = method["id"]
    intent["status"] = "requires_confirmation"


def attempt(
    account: StripeAccount,
    intent: Body,
    call: ApiCall | None,
    *,
    origin: str = "",
    return_url: str | None = None,
    off_session: bool = False,
    authenticated: bool = False,
) -> ApiError | None:
    """Charge the intent's card and store the result; returns the decline, if it is one."""
    method, card = _card_of(account, intent)
    intent["next_action"] = intent["last_payment_error"] = None
    if card.challenge == "always" and not authenticated:
        if off_session:
            return decline(account, intent, call, NOT_AUTHENTICATED)
        token = account.challenge(intent)
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "redirect_to_url": {
                "return_url": return_url,
                "url": f"{origin}/3ds/{intent['id']}?challenge={token}",
            },
            "type": "redirect_to_url",
        }
        account.state.save(intent)
        account.emit("payment_intent.requires_action", intent, call)
        return None
    if card.decline:
        return decline(account, intent, call, card.decline)
    _approve(account, intent, method, call)
    return None


def decline(
    account: StripeAccount, intent: Body, call: ApiCall | None, reason: Decline
) -> ApiError:
    """Store a decline: the intent waits for another payment method."""
    method, _ = _card_of(account, intent)
    charge = new_charge(intent, method, account.state.now())
    if reason is not AUTHENTICATION_FAILED:  # Without proof the bank is never asked.
        charge |= {"status": "failed", "failure_code": reason.code}
        charge |= {"failure_message": reason.message, "outcome": _outcome(reason)}
        account.state.add(charge, parent=intent["id"])
        intent["latest_charge"] = charge["id"]
        account.emit("charge.failed", charge, call)
    error = ApiError(
        402,
        reason.message,
        kind="card_error",
        begun=True,
        code=reason.code,
        decline_code=reason.decline_code,
        charge=intent["latest_charge"],
        payment_method=method,
    )
    intent["last_payment_error"] = dict(error.body["error"])
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    account.state.save(intent)
    account.emit("payment_intent.payment_failed", intent, call)
    error.body["error"]["payment_intent"] = intent
    return error


def take(account: StripeAccount, intent: Body, charge: Body, amount: int) -> None:
    """Capture part or all of an authorization; the rest is released without a refund."""
    charge |= {"captured": True, "amount_captured": amount}
    intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    account.state.save(charge)
    account.state.save(intent)


def release(account: StripeAccount, intent: Body, reason: str | None, call: ApiCall | None) -> None:
    """Cancel an intent and release its authorization."""
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": account.state.now(),
        "cancellation_reason": reason,
        "next_action": None,
    }
    account.state.save(intent)
    account.emit("payment_intent.canceled", intent, call)


def expire_holds(account: StripeAccount) -> int:
    """Cancel the intents whose authorization has expired, as Stripe does after about a week."""
    expired = account.state.due("payment_intent", account.state.now(), EXPIRIES_AT_ONCE_COUNT)
    for intent in expired:
        charge = account.get("charge", intent["latest_charge"])
        account.emit("charge.expired", charge)
        release(account, intent, "expired", None)
    return len(expired)


def _approve(account: StripeAccount, intent: Body, method: Body, call: ApiCall | None) -> None:
    now = account.state.now()
    charge = new_charge(intent, method, now)
    charge |= {"status": "succeeded", "paid": True, "outcome": _outcome(None)}
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        runs_out_at = now + account.settings.hold_seconds
        charge["payment_method_details"]["card"]["capture_before"] = runs_out_at
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        account.state.add(charge, parent=intent["id"])
        account.state.save(intent, due_at=runs_out_at)
        account.emit("charge.succeeded", charge, call)
        account.emit("payment_intent.amount_capturable_updated", intent, call)
    else:
        account.state.add(charge, parent=intent["id"])
        take(account, intent, charge, intent["amount"])
        account.emit("charge.succeeded", charge, call)
        account.emit("payment_intent.succeeded", intent, call)


def _card_of(account: StripeAccount, intent: Body) -> tuple[Body, Card]:
    method = account.get("payment_method", intent["payment_method"], "payment_method")
    return method, card_named(account.state.parent(method["id"])) or Card()


def _outcome(reason: Decline | None) -> Body:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if reason else "approved_by_network",
        "reason": reason.decline_code if reason else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank declined." if reason else "Payment complete.",
        "type": "issuer_declined" if reason else "authorized",
    }
