from gateways.payments.interface import PaymentIntent


class PaymentError(Exception):
    """A payment provider's request failed."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PaymentDeclined(PaymentError):
    """The card's bank declined; `message` is meant for the cardholder."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        decline_code: str | None = None,
        intent: PaymentIntent | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.intent = intent


class PaymentUnavailable(PaymentError):
    """No answer that decides anything: the effect is unknown, and a later retry is right.

    Time-outs, cut connections, errors of the provider, its rate limits, a rejected API key, and an
    answer that can't be read. It passes, so it never ends a payment or a refund.
    """

    transient = True


class PaymentNotFound(PaymentError):
    """The provider has no such intent, refund, customer or saved method."""


class PaymentRequestInvalid(PaymentError):
    """The request is not valid in the current state or with these amounts; nothing changed.

    `intent` is the current state, if the provider included it.
    """

    def __init__(
        self, message: str, *, code: str | None = None, intent: PaymentIntent | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.intent = intent


class InvalidSignature(PaymentError):
    """The webhook is not signed by the provider, or is too old."""
