import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

import aiohttp
import stripe

from gateways.payments import stripe_answers as answers
from gateways.payments.flow import (
    CancelReason,
    Intent,
    RefundReason,
    RefundResult,
    WebhookEvent,
)
from gateways.payments.refusal import (
    PaymentFault,
    PaymentInvalid,
    PaymentRefused,
    PaymentUnavailable,
    PaymentUnknown,
)

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 8.0
CALL_TIMEOUT_SECONDS = 10.0  # The whole call, retries and their pauses included.
MAX_NETWORK_RETRIES = 2
WEBHOOK_TOLERANCE_SECONDS = 300

# Refunds are summed up on the charge, so every intent is asked for together with it.
WITH_CHARGE: list[str] = ["latest_charge"]
INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"
Method = Literal["get", "post"]


class Wire(stripe.AIOHTTPClient):
    """The SDK's HTTP client, for which an answer that breaks off is the network's fault too."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Status, headers and the whole body; raises APIConnectionError, which is tried again."""
        try:
            return await super().request_async(method, url, headers, post_data)
        except aiohttp.ClientError as error:
            self._handle_request_error(error)


class StripePayments:
    """`Payments` by Stripe's own SDK; lets no type or exception of it out."""

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str,
        api_base: str | None = None,
        call_timeout_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self._webhook_secret = webhook_secret
        self._call_timeout_seconds = call_timeout_seconds
        timeout = aiohttp.ClientTimeout(
            sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=READ_TIMEOUT_SECONDS
        )
        self._http = Wire(timeout=timeout)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=MAX_NETWORK_RETRIES,
            http_client=self._http,
        )

    async def authorize(
        self,
        *,
        payment_id: UUID,
        order_id: UUID,
        amount_minor: int,
        currency: str,
        customer_ref: str | None = None,
        company_id: UUID | None = None,
        method_ref: str | None = None,
        return_url: str | None = None,
    ) -> Intent:
        """Open an intent to hold `amount_minor`; with a saved `method_ref` try it at once."""
        metadata = {"payment_id": str(payment_id), "order_id": str(order_id)}
        if company_id is not None:
            metadata["company_id"] = str(company_id)
        params: dict[str, Any] = {
            "amount": amount_minor,
            "currency": currency.lower(),
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "metadata": metadata,
        }
        if customer_ref is not None:
            params["customer"] = customer_ref
        if method_ref is not None:
            params["payment_method"] = method_ref
            params["confirm"] = True
            if return_url is not None:
                params["return_url"] = return_url
        return await self._intent("post", INTENTS, f"authorize-{payment_id}", **params)

    async def retrieve(self, intent_id: str) -> Intent:
        """Read the intent as it is now, refunds included."""
        return await self._intent("get", _at(intent_id))

    async def capture(self, intent_id: str, amount_minor: int, key: str) -> Intent:
        """Take `amount_minor` of the held money once and release the rest."""
        at = _at(intent_id, "capture")
        return await self._intent("post", at, key, amount_to_capture=amount_minor)

    async def cancel(self, intent_id: str, reason: CancelReason, key: str) -> Intent:
        """Release the held money; raises PaymentInvalid when it is captured or canceled already."""
        return await self._intent("post", _at(intent_id, "cancel"), key, cancellation_reason=reason)

    async def refund(
        self, intent_id: str, amount_minor: int, key: str, reason: RefundReason | None = None
    ) -> RefundResult:
        """Send captured money back; raises PaymentInvalid beyond what was captured."""
        params: dict[str, Any] = {
            "payment_intent": intent_id,
            "amount": amount_minor,
            "metadata": {answers.REFUND_KEY: key},
        }
        if reason is not None:
            params["reason"] = reason
        return answers.refund(await self._asked("post", REFUNDS, key, params))

    def read_webhook(self, body: bytes, signature: str) -> WebhookEvent:
        """Verify and read one signed message; raises BadSignature, also when it is too old."""
        return answers.webhook_event(
            body, signature, self._webhook_secret, WEBHOOK_TOLERANCE_SECONDS
        )

    async def close(self) -> None:
        """Let go of the connections; the object can't be used afterwards."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # The SDK left it untyped.

    async def _intent(self, method: Method, at: str, key: str = "", **params: Any) -> Intent:
        asked = await self._asked(method, at, key, {**params, "expand": WITH_CHARGE})
        return answers.intent(asked)

    async def _asked(
        self, method: Method, at: str, key: str, params: dict[str, Any]
    ) -> Mapping[str, Any]:
        """The answer as it came: the SDK's typed resources cost as much as all the rest."""
        options = {"idempotency_key": key} if key else {}
        async with self._asking():
            answer = await self._client.raw_request_async(method, at, **params, **options)
            told: Mapping[str, Any] = answer.data
            return told

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._call_timeout_seconds):
                yield
        except TimeoutError as error:
            raise PaymentUnavailable("The payment provider took too long.") from error
        except stripe.StripeError as error:
            raise _fault(error) from error


def _at(intent_id: str, step: str = "") -> str:
    """An intent's place at the provider; what is no plain word in its id is escaped."""
    return "/".join([INTENTS, quote(intent_id, safe=""), *([step] if step else ())])


def _fault(error: stripe.StripeError) -> PaymentFault:
    message = error.user_message or "The payment provider gave no reason."
    details = _error_details(error)
    code = details.get("code") or details.get("type")
    intent = answers.intent_or_none(details.get("payment_intent"))
    match _family(error):
        case "refused":
            decline_code = details.get("decline_code")
            return PaymentRefused(message, code=code, decline_code=decline_code, intent=intent)
        case "unknown":
            return PaymentUnknown(message, code=code)
        case "invalid":
            return PaymentInvalid(message, code=code, intent=intent)
        case "unavailable":
            return PaymentUnavailable(message, code=code)


def _family(error: stripe.StripeError) -> Literal["refused", "unknown", "invalid", "unavailable"]:
    match error:
        case stripe.CardError():
            return "refused"
        case stripe.InvalidRequestError(code="resource_missing"):
            return "unknown"
        case stripe.InvalidRequestError(code="lock_timeout"):
            return "unavailable"
        case stripe.InvalidRequestError() | stripe.IdempotencyError():
            return "invalid"
        # The network, 5xx, 409 in flight, rate limits, and also a key that the provider no longer
        # takes: in each the payment isn't decided and asking again later is right.
        case _:
            return "unavailable"


def _error_details(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}
