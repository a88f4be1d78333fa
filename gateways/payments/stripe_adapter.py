import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

import aiohttp
import stripe

from gateways.payments import stripe_responses as responses
from gateways.payments.errors import (
    PaymentDeclined,
    PaymentError,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
)
from gateways.payments.interface import (
    IntentCancelReason,
    PaymentIntent,
    PaymentWebhookEvent,
    ProviderRefundReason,
    RefundResult,
)

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 8.0
TOTAL_TIMEOUT_SECONDS = 10.0  # The whole call, with retries and their delays.
MAX_NETWORK_RETRIES = 2
WEBHOOK_TOLERANCE_SECONDS = 300

# The charge holds the sum of the refunds, so every intent is requested with it.
EXPANDED_FIELDS: list[str] = ["latest_charge"]
INTENTS_PATH = "/v1/payment_intents"
REFUNDS_PATH = "/v1/refunds"
HttpMethod = Literal["get", "post"]


class StripeHttpClient(stripe.AIOHTTPClient):
    """The SDK's HTTP client; also treats a truncated response as a network error."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers. Raises APIConnectionError, which the SDK retries."""
        try:
            return await super().request_async(method, url, headers, post_data)
        except aiohttp.ClientError as error:
            self._handle_request_error(error)


class StripePaymentGateway:
    """PaymentGateway with Stripe's SDK; none of the SDK's types or exceptions leave this class."""

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str,
        api_base: str | None = None,
        call_timeout_seconds: float = TOTAL_TIMEOUT_SECONDS,
    ) -> None:
        self._webhook_secret = webhook_secret
        self._call_timeout_seconds = call_timeout_seconds
        timeout = aiohttp.ClientTimeout(
            sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=READ_TIMEOUT_SECONDS
        )
        self._http = StripeHttpClient(timeout=timeout)
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
    ) -> PaymentIntent:
        """Create an intent to authorize `amount_minor`; with a saved `method_ref` confirm it."""
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
        return await self._intent("post", INTENTS_PATH, f"authorize-{payment_id}", **params)

    async def retrieve(self, intent_id: str) -> PaymentIntent:
        """Read the intent as it is now, refunds included."""
        return await self._intent("get", _intent_path(intent_id))

    async def capture(self, intent_id: str, amount_minor: int, key: str) -> PaymentIntent:
        """Capture `amount_minor` of the authorized amount once and release the rest."""
        path = _intent_path(intent_id, "capture")
        return await self._intent("post", path, key, amount_to_capture=amount_minor)

    async def cancel(self, intent_id: str, reason: IntentCancelReason, key: str) -> PaymentIntent:
        """Release the authorized amount."""
        return await self._intent(
            "post", _intent_path(intent_id, "cancel"), key, cancellation_reason=reason
        )

    async def refund(
        self,
        intent_id: str,
        amount_minor: int,
        key: str,
        reason: ProviderRefundReason | None = None,
    ) -> RefundResult:
        """Refund captured money."""
        params: dict[str, Any] = {
            "payment_intent": intent_id,
            "amount": amount_minor,
            "metadata": {responses.REFUND_KEY: key},
        }
        if reason is not None:
            params["reason"] = reason
        return responses.parse_refund(await self._request("post", REFUNDS_PATH, key, params))

    def read_webhook(self, body: bytes, signature: str) -> PaymentWebhookEvent:
        """Verify and parse a signed message. Raises InvalidSignature, also if it is too old."""
        return responses.parse_webhook(
            body, signature, self._webhook_secret, WEBHOOK_TOLERANCE_SECONDS
        )

    async def close(self) -> None:
        """Close the connections; the object can't be used afterwards."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # The SDK left it untyped.

    async def _intent(
        self, method: HttpMethod, path: str, key: str = "", **params: Any
    ) -> PaymentIntent:
        response = await self._request(method, path, key, {**params, "expand": EXPANDED_FIELDS})
        return responses.parse_intent(response)

    async def _request(
        self, method: HttpMethod, path: str, key: str, params: dict[str, Any]
    ) -> Mapping[str, Any]:
        """The response's JSON; building the SDK's typed resources would double the CPU time."""
        options = {"idempotency_key": key} if key else {}
        async with self._translate_errors():
            response = await self._client.raw_request_async(method, path, **params, **options)
            data: Mapping[str, Any] = response.data
            return data

    @asynccontextmanager
    async def _translate_errors(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._call_timeout_seconds):
                yield
        except TimeoutError as error:
            raise PaymentUnavailable("The payment provider took too long.") from error
        except stripe.StripeError as error:
            raise _to_payment_error(error) from error


def _intent_path(intent_id: str, action: str = "") -> str:
    """The URL path of an intent or of an action on it; the id is percent-encoded."""
    return "/".join([INTENTS_PATH, quote(intent_id, safe=""), *([action] if action else ())])


def _to_payment_error(error: stripe.StripeError) -> PaymentError:
    message = error.user_message or "The payment provider gave no reason."
    details = _error_details(error)
    code = details.get("code") or details.get("type")
    intent = responses.parse_optional_intent(details.get("payment_intent"))
    match _category(error):
        case "declined":
            decline_code = details.get("decline_code")
            return PaymentDeclined(message, code=code, decline_code=decline_code, intent=intent)
        case "not_found":
            return PaymentNotFound(message, code=code)
        case "invalid":
            return PaymentRequestInvalid(message, code=code, intent=intent)
        case "unavailable":
            return PaymentUnavailable(message, code=code)


def _category(
    error: stripe.StripeError,
) -> Literal["declined", "not_found", "invalid", "unavailable"]:
    match error:
        case stripe.CardError():
            return "declined"
        case stripe.InvalidRequestError(code="resource_missing"):
            return "not_found"
        case stripe.InvalidRequestError(code="lock_timeout"):
            return "unavailable"
        case stripe.InvalidRequestError() | stripe.IdempotencyError():
            return "invalid"
        # Network errors, 5xx, 409 in flight, rate limits, and a rejected API key: in each case the
        # payment is undecided and a later retry is right.
        case _:
            return "unavailable"


def _error_details(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}
