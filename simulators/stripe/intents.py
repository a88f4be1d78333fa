"""The payment_intents endpoints."""

import hmac

from simulators.stripe.account import ApiCall
from simulators.stripe.cards import refuse_card_numbers
from simulators.stripe.charging import attach, attempt, release, take
from simulators.stripe.shapes import new_intent
from simulators.stripe.wire import (
    ApiError,
    Body,
    allow,
    choice,
    flag,
    metadata,
    positive,
    required,
    text,
)

AMOUNT_LIMIT_MINOR = 99_999_999
# The least Stripe charges in a currency; about half a dollar.
LEAST_AMOUNT_MINOR = {"usd": 50, "eur": 50, "gbp": 30, "hkd": 400, "inr": 50, "jpy": 50}
CURRENCIES = {*LEAST_AMOUNT_MINOR, "aed", "aud", "brl", "cad", "chf", "cny", "dkk", "mxn", "nok"}
CURRENCIES |= {"nzd", "pln", "sek", "sgd", "try", "zar"}
TYPES_GONE_SINCE = "2026-09-30"  # The API version that refuses payment_method_types.

ABOUT_THE_CONFIRMATION = ("off_session", "return_url", "use_stripe_sdk", "mandate_data")
ABOUT_THE_METHODS = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "payment_method_types",
)
ABOUT_THE_INTENT = (
    "amount",
    "currency",
    "capture_method",
    "customer",
    "description",
    "metadata",
    "payment_method",
    "receipt_email",
)
CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*CONFIRMABLE, "requires_capture", "processing")


def create(call: ApiCall) -> Body:
    """POST /v1/payment_intents"""
    _refuse_what_is_gone(call)
    allow(call.params, (*ABOUT_THE_INTENT, *ABOUT_THE_CONFIRMATION, *ABOUT_THE_METHODS, "confirm"))
    account, params = call.account, call.params
    required(params, "amount")
    currency = required(params, "currency").lower()
    if currency not in CURRENCIES:
        raise ApiError(400, f"Invalid currency: {currency[:10]}", param="currency")
    intent = new_intent(
        amount=_amount(params, currency),
        currency=currency,
        created=account.state.now(),
        capture_method=choice(params, "capture_method", ("automatic", "automatic_async", "manual"))
        or "automatic",
        customer=_customer(call),
        description=text(params, "description"),
        metadata=metadata(params),
        receipt_email=text(params, "receipt_email"),
    )
    account.state.add(intent)
    if token := text(params, "payment_method"):
        attach(account, intent, token)
        account.state.save(intent)
    account.emit("payment_intent.created", intent, call)
    return _confirm(call, intent) if flag(params, "confirm") else intent


def read(call: ApiCall) -> Body:
    """GET /v1/payment_intents/{id}"""
    return _the_intent(call)


def update(call: ApiCall) -> Body:
    """POST /v1/payment_intents/{id}"""
    allow(call.params, ABOUT_THE_INTENT)
    account, params, intent = call.account, call.params, _the_intent(call)
    money = {"amount", "currency", "capture_method", "payment_method", "customer"} & params.keys()
    if intent["status"] not in CONFIRMABLE and money:
        raise unexpected(intent, "updated", CONFIRMABLE)
    if "amount" in params:
        intent["amount"] = _amount(params, intent["currency"])
    if token := text(params, "payment_method"):
        attach(account, intent, token)
    for name in ("description", "receipt_email"):
        if name in params:
            intent[name] = text(params, name)
    if "customer" in params:
        intent["customer"] = _customer(call)
    merged = intent["metadata"] | metadata(params)
    intent["metadata"] = {key: value for key, value in merged.items() if value}
    due_at = None
    if intent["status"] == "requires_capture":
        charge = account.get("charge", intent["latest_charge"])
        due_at = charge["payment_method_details"]["card"]["capture_before"]
    account.state.save(intent, due_at=due_at)
    return intent


def confirm(call: ApiCall) -> Body:
    """POST /v1/payment_intents/{id}/confirm, by the store or by the customer's client"""
    refuse_card_numbers(call.params)
    names = ("payment_method", "receipt_email")
    allow(call.params, (*ABOUT_THE_CONFIRMATION, *ABOUT_THE_METHODS, *names))
    _refuse_what_is_gone(call)
    intent = _the_intent(call)
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(intent, "confirmed", CONFIRMABLE)
    if token := text(call.params, "payment_method"):
        attach(call.account, intent, token)
    return _confirm(call, intent)


def capture(call: ApiCall) -> Body:
    """POST /v1/payment_intents/{id}/capture"""
    allow(call.params, ("amount_to_capture", "metadata", "final_capture"))
    account, intent = call.account, _the_intent(call)
    asked = positive(call.params, "amount_to_capture")
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "captured", ("requires_capture",))
    amount = asked or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise ApiError(
            400,
            "The payment intent could not be captured because the requested capture amount is "
            "greater than the authorized amount.",
            begun=True,
            code="amount_too_large",
            param="amount_to_capture",
            payment_intent=intent,
        )
    if account.faults.refuses_capture(intent["id"]):
        raise ApiError(
            400,
            "The charge can't be captured any more: its authorization has expired.",
            begun=True,
            code="charge_expired_for_capture",
            payment_intent=intent,
        )
    charge = account.get("charge", intent["latest_charge"])
    intent["metadata"] |= metadata(call.params)
    take(account, intent, charge, amount)
    account.emit("charge.captured", charge, call)
    account.emit("payment_intent.succeeded", intent, call)
    return intent


def cancel(call: ApiCall) -> Body:
    """POST /v1/payment_intents/{id}/cancel"""
    allow(call.params, ("cancellation_reason",))
    reason = choice(call.params, "cancellation_reason", CANCEL_REASONS)
    intent = _the_intent(call)
    if intent["status"] not in CANCELABLE:
        raise unexpected(intent, "canceled", CANCELABLE)
    release(call.account, intent, reason, call)
    return intent


def unexpected(intent: Body, verb: str, statuses: tuple[str, ...]) -> ApiError:
    """Stripe's answer to a step that this intent can't take now."""
    return ApiError(
        400,
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}. "
        f"Only a PaymentIntent with one of the following statuses may be {verb}: "
        f"{', '.join(statuses)}.",
        begun=True,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


def _confirm(call: ApiCall, intent: Body) -> Body:
    if intent["payment_method"] is None:
        raise ApiError(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            begun=True,
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    error = attempt(
        call.account,
        intent,
        call,
        origin=call.origin,
        return_url=_return_url(call.params),
        off_session=flag(call.params, "off_session"),
    )
    if error:
        raise error
    return intent


def _the_intent(call: ApiCall) -> Body:
    intent = call.account.get("payment_intent", call.path_id, "intent")
    given = text(call.params, "client_secret")
    if call.public and given is None:
        raise ApiError(400, "Missing required param: client_secret.", code="parameter_missing")
    if given is not None and not hmac.compare_digest(
        given.encode(), intent["client_secret"].encode()
    ):
        raise ApiError(
            400,
            "The client_secret provided does not match the client_secret associated with the "
            "PaymentIntent.",
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )
    return intent


def _refuse_what_is_gone(call: ApiCall) -> None:
    if "payment_method_types" in call.params and call.api_version >= TYPES_GONE_SINCE:
        raise ApiError(
            400,
            "payment_method_types can no longer be set; use allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    allowed = call.params.get("allowed_payment_method_types")
    if allowed is not None and (not isinstance(allowed, list) or "card" not in allowed):
        raise ApiError(400, "This account takes cards only.", param="allowed_payment_method_types")


def _amount(params: Body, currency: str) -> int:
    amount = positive(params, "amount") or 0
    if amount > AMOUNT_LIMIT_MINOR:
        message = f"Amount must be no more than {AMOUNT_LIMIT_MINOR} in minor units."
        raise ApiError(400, message, code="amount_too_large", param="amount")
    least = LEAST_AMOUNT_MINOR.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {least} in minor units of {currency}."
        raise ApiError(400, message, code="amount_too_small", param="amount")
    return amount


def _customer(call: ApiCall) -> str | None:
    key = text(call.params, "customer")
    return str(call.account.get("customer", key, "customer")["id"]) if key else None


def _return_url(params: Body) -> str | None:
    url = text(params, "return_url")
    if url is not None and not url.startswith(("http://", "https://")):
        raise ApiError(400, "Not a valid URL", code="url_invalid", param="return_url")
    return url
