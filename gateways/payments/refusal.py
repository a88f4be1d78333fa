from gateways.payments.flow import Intent


class PaymentFault(Exception):
    """Anything a payment provider can answer other than yes."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PaymentRefused(PaymentFault):
    """The card's bank said no; `message` is written for the card holder."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        decline_code: str | None = None,
        intent: Intent | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.intent = intent


class PaymentUnavailable(PaymentFault):
    """No answer: it may or may not have happened. Ask again with the same key, or retrieve."""


class PaymentUnknown(PaymentFault):
    """The provider has no such intent, refund, customer or saved method."""


class PaymentInvalid(PaymentFault):
    """The request can't be done in this state or with these amounts; nothing changed.

    `intent` is the present state when the provider sent it along.
    """

    def __init__(
        self, message: str, *, code: str | None = None, intent: Intent | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.intent = intent


class BadSignature(PaymentFault):
    """The webhook isn't the provider's, is too old, or isn't a readable event."""
