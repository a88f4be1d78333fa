"""Stripe's test payment methods. Card numbers are never taken: the store stays SAQ-A."""

from dataclasses import dataclass
from typing import Any, Literal

from simulators.stripe.wire import ApiError, Body, new_id


@dataclass(frozen=True)
class Decline:
    """How a bank declines a charge."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True)
class Card:
    """What one test card does when it is charged."""

    brand: str = "visa"
    last4: str = "4242"
    challenge: Literal["never", "always"] = "never"
    decline: Decline | None = None


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
FRAUD = Decline("card_declined", "fraudulent", "Your card was declined.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
BAD_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
NOT_AUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

CARDS = {
    "pm_card_visa": Card(),
    "pm_card_visa_debit": Card(last4="5556"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "8431"),
    "pm_card_chargeDeclined": Card(last4="0002", decline=GENERIC),
    "pm_card_chargeDeclinedInsufficientFunds": Card(last4="9995", decline=NO_FUNDS),
    "pm_card_chargeDeclinedLostCard": Card(last4="9987", decline=LOST),
    "pm_card_chargeDeclinedStolenCard": Card(last4="9979", decline=STOLEN),
    "pm_card_chargeDeclinedFraudulent": Card(last4="0019", decline=FRAUD),
    "pm_card_chargeDeclinedExpiredCard": Card(last4="0069", decline=EXPIRED),
    "pm_card_chargeDeclinedIncorrectCvc": Card(last4="0127", decline=BAD_CVC),
    "pm_card_chargeDeclinedProcessingError": Card(last4="0119", decline=PROCESSING),
    "pm_card_authenticationRequired": Card(last4="3184", challenge="always"),
    "pm_card_threeDSecure2Required": Card(last4="3220", challenge="always"),
    "pm_card_threeDSecureRequired": Card(last4="3063", challenge="always"),
    "pm_card_threeDSecureRequiredChargeDeclined": Card(
        last4="8446", challenge="always", decline=GENERIC
    ),
}


def card_named(token: str) -> Card | None:
    """Find a test card; Stripe's newer names say `pm_card_visa_chargeDeclined`."""
    return CARDS.get(token) or CARDS.get(token.replace("pm_card_visa_", "pm_card_", 1))


def refuse_card_numbers(params: dict[str, Any]) -> None:
    """Say what Stripe says to a server that handles raw cards."""
    if "payment_method_data" in params or "card" in params:
        raise ApiError(
            400,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. Use a "
            "payment method token such as pm_card_visa.",
            param="payment_method_data",
        )


def new_method(card: Card, created: int) -> Body:
    """The payment_method object that a test card's name stands for."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {
            "brand": card.brand,
            "checks": {"cvc_check": "pass"},
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": card.last4 * 4,
            "funding": "credit",
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
