import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote
from uuid import UUID

import aiohttp
import stripe

from gateways.payments import stripe_responses as responses
from gateways.payments.errors import PaymentUnavailable
from gateways.payments.interface import (
    DisputeResult,
    IntentCancelReason,
    ListPage,
    PaymentIntent,
    PaymentWebhookEvent,
    ProviderRefundReason,
    RefundResult,
)
from gateways.payments.stripe_errors import to_payment_error

log = logging.getLogger("darkstore.payments")

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 8.0
TOTAL_TIMEOUT_SECONDS = 10.0  # The whole call, with retries and their delays.
MAX_NETWORK_RETRIES = 2
WEBHOOK_TOLERANCE_SECONDS = 300

# The charge holds the sum of the refunds, so every intent is requested with it.
EXPANDED_FIELDS: list[str] = ["latest_charge"]
INTENTS_PATH = "/v1/payment_intents"
REFUNDS_PATH = "/v1/refunds"
DISPUTES_PATH = "/v1/disputes"
PAGE_ROWS = 100  # Stripe's maximum.
MAX_PAGES = 20
HttpMethod = Literal["get", "post"]
Parsed = TypeVar("Parsed")


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
        body = await self._request("post", REFUNDS_PATH, key, params)
        return _parsed(responses.parse_refund, body)

    async def retrieve_refund(self, refund_id: str) -> RefundResult:
        """Read a refund as it is now."""
        body = await self._request("get", _object_path(REFUNDS_PATH, refund_id), "", {})
        return _parsed(responses.parse_refund, body)

    async def list_refunds(self, intent_id: str) -> Sequence[RefundResult]:
        """All refunds of an intent."""
        rows = await self._list(REFUNDS_PATH, {"payment_intent": intent_id})
        return [_parsed(responses.parse_refund, row) for row in rows]

    async def list_recent_refunds(
        self, since: datetime, after: str | None = None
    ) -> ListPage[RefundResult]:
        """A page of the account's refunds that were made since then, the newest first."""
        return await self._recent(REFUNDS_PATH, responses.parse_refund, since, after)

    async def retrieve_dispute(self, dispute_id: str) -> DisputeResult:
        """Read a dispute as it is now."""
        body = await self._request("get", _object_path(DISPUTES_PATH, dispute_id), "", {})
        return _parsed(responses.parse_dispute, body)

    async def list_disputes(self, intent_id: str) -> Sequence[DisputeResult]:
        """All disputes of an intent."""
        rows = await self._list(DISPUTES_PATH, {"payment_intent": intent_id})
        return [_parsed(responses.parse_dispute, row) for row in rows]

    async def list_recent_disputes(
        self, since: datetime, after: str | None = None
    ) -> ListPage[DisputeResult]:
        """A page of the account's disputes that were opened since then, the newest first."""
        return await self._recent(DISPUTES_PATH, responses.parse_dispute, since, after)

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
        return _parsed(responses.parse_intent, response)

    async def _recent(
        self,
        path: str,
        parse: Callable[[Mapping[str, Any]], Parsed],
        since: datetime,
        after: str | None,
    ) -> ListPage[Parsed]:
        """One page; an object that can't be read is left out, so that it does not hide others."""
        params = {"created": {"gte": int(since.timestamp())}}
        page = await self._page(path, params, after)
        rows = []
        for row in page["data"]:
            try:
                rows.append(_parsed(parse, row))
            except PaymentUnavailable:
                log.error("%s %s can't be read", path, row.get("id"), exc_info=True)
        return ListPage(rows, page["data"][-1]["id"] if page["has_more"] else None)

    async def _list(self, path: str, params: dict[str, Any]) -> list[Mapping[str, Any]]:
        """The objects of a list, page by page, the newest first."""
        rows: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            page = await self._page(path, params, rows[-1]["id"] if rows else None)
            rows += page["data"]
            if not page["has_more"]:
                break
        return rows

    async def _page(
        self, path: str, params: dict[str, Any], after: str | None
    ) -> Mapping[str, Any]:
        place = {"starting_after": after} if after is not None else {}
        return await self._request("get", path, "", {**params, "limit": PAGE_ROWS, **place})

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
            raise to_payment_error(error) from error


def _parsed(parse: Callable[[Mapping[str, Any]], Parsed], body: Mapping[str, Any]) -> Parsed:
    """The parsed answer. Raises PaymentUnavailable when it says what this version can't read."""
    try:
        return parse(body)
    except responses.UNREADABLE_ERRORS as error:
        message = "The payment provider's answer can't be read."
        raise PaymentUnavailable(message, code="unreadable_answer") from error


def _object_path(path: str, key: str, action: str = "") -> str:
    """The URL path of an object or of an action on it; the id is percent-encoded."""
    return "/".join([path, quote(key, safe=""), *([action] if action else ())])


def _intent_path(intent_id: str, action: str = "") -> str:
    return _object_path(INTENTS_PATH, intent_id, action)
