"""The 3-D Secure page of the customer's bank."""

import hmac
from decimal import Decimal
from html import escape
from urllib.parse import parse_qsl, urlencode

from babel.numbers import format_currency, get_currency_precision

from simulators.stripe.account import StripeAccount
from simulators.stripe.charging import AUTHENTICATION_FAILED, attempt, decline
from simulators.stripe.wire import ApiError, Body

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test bank: confirm the payment</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;margin-right:.6rem}}</style></head>
<body><h1>Test bank</h1><p>{sentence}</p>{form}</body></html>"""

FORM = """<form method="post"><input type="hidden" name="challenge" value="{token}">
<button name="answer" value="approve">Approve</button>
<button name="answer" value="deny">Deny</button></form>"""


def confirmation_page(account: StripeAccount, intent_id: str, token: str) -> str:
    """Return the page with two buttons, or a notice if there is nothing to confirm."""
    intent = _authorized_intent(account, intent_id, token)
    if intent["status"] != "requires_action":
        return PAGE.format(sentence="There is nothing to confirm any more.", form="")
    currency = intent["currency"].upper()
    major_units = Decimal(intent["amount"]).scaleb(-get_currency_precision(currency))
    amount = format_currency(major_units, currency, locale="en")
    return PAGE.format(
        sentence=f"Is this payment of {escape(amount)} yours?",
        form=FORM.format(token=escape(token)),
    )


def answer(account: StripeAccount, intent_id: str, form: bytes) -> tuple[str, str | None]:
    """Apply the customer's answer; returns the page and the return URL, if there is one."""
    fields = dict(parse_qsl(form.decode("utf-8", "replace"), max_num_fields=10))
    choice = fields.get("answer")
    if choice not in {"approve", "deny"}:
        raise ApiError(400, "The answer is approve or deny.", param="answer")
    with account.state.transaction():
        intent = _authorized_intent(account, intent_id, fields.get("challenge", ""))
        if intent["status"] != "requires_action":
            return PAGE.format(sentence="This was answered before.", form=""), None
        back_to = intent["next_action"]["redirect_to_url"]["return_url"]
        if choice == "approve":
            attempt(account, intent, None, authenticated=True)
        else:
            decline(account, intent, None, AUTHENTICATION_FAILED)
    paid = intent["status"] in {"requires_capture", "succeeded"}
    sentence = "The payment is confirmed." if paid else "The payment was not made."
    return PAGE.format(sentence=sentence, form=""), _return_url(back_to, intent, paid=paid)


def _authorized_intent(account: StripeAccount, intent_id: str, token: str) -> Body:
    intent = account.get("payment_intent", intent_id, "intent")
    # An answered intent may have lost its payment method, of which the token is derived.
    expected = account.challenge(intent)
    if intent["status"] == "requires_action" and not hmac.compare_digest(
        expected.encode(), token.encode()
    ):
        raise ApiError(400, "This link isn't the one that was given out.", param="challenge")
    return intent


def _return_url(back_to: str | None, intent: Body, *, paid: bool) -> str | None:
    if back_to is None:
        return None
    query = urlencode(
        {
            "payment_intent": intent["id"],
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if paid else "failed",
        }
    )
    return f"{back_to}{'&' if '?' in back_to else '?'}{query}"
