"""The customer's app: browses, fills the cart, orders, pays and tracks the order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulators.parts.device import RoleClient

STOREFRONT = """
query Storefront($location: GeoPointInput!, $first: Int!) {
  storefront(location: $location) {
    serviceable
    message
    store { id name location { latitude longitude } }
    deliveryEstimate { p50Seconds p90Seconds fee { minorUnits } }
    categories(depth: 1) { id name }
    products(first: $first) {
      nodes { id sku name price { minorUnits } availability ageRestricted brand { name } }
    }
    cart { version lines { productId } }
    activeOrder { id code }
  }
}
"""
CATEGORY = """
query CategoryPage($location: GeoPointInput!, $id: ID!, $first: Int!) {
  storefront(location: $location) {
    category(id: $id) {
      name
      products(first: $first) { nodes { id sku name price { minorUnits } availability } }
    }
  }
}
"""
SEARCH = """
query Search($location: GeoPointInput!, $query: String!) {
  storefront(location: $location) {
    search(query: $query, first: 20) {
      nodes { id sku name soldByWeight ageRestricted price { minorUnits } availability }
    }
  }
}
"""
FILL = """
mutation FillCart($input: CartLinesSetInput!) {
  cartLinesSet(input: $input) {
    cart {
      version readyForCheckout lines { productId quantity issue }
      totals { total { minorUnits formatted } }
    }
    errors { __typename ... on Problem { message } }
  }
}
"""
PLACE = """
mutation PlaceOrder($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id code status stage deliveryPin pickupCode total { minorUnits formatted } }
    payment { id status clientSecret }
    errors { __typename ... on Problem { message } }
  }
}
"""
ORDER = """
query ShowOrder($id: ID!) {
  order(id: $id) {
    id code status stage deliveryPin availableActions
    total { minorUnits formatted }
    payment { status clientSecret capturedAmount { minorUnits } refundedAmount { minorUnits } }
    lines { name quantity packedQuantity }
  }
}
"""
TRACK = """
subscription TrackOrder($orderId: ID!, $after: String) {
  orderTracked(orderId: $orderId, after: $after) {
    kind
    cursor
    event { type occurredAt }
    order { stage status }
    riderLocation { latitude longitude }
  }
}
"""
OPEN = """
mutation OpenTicket($input: TicketOpenInput!) {
  ticketOpen(input: $input) {
    ticket { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
RECORD = """
query OrderRecord($id: ID!) {
  order(id: $id) {
    id code status stage cancelReason customerName addressLine promisedAt deliveryPin
    store { id code name }
    deliveryFee { minorUnits }
    payment { status clientSecret capturedAmount { minorUnits } refundedAmount { minorUnits } }
    payments { status capturedAmount { minorUnits } }
    delivery { id status failureReason feeKept }
    timeline(first: 100) { nodes { type reason } }
  }
}
"""
REFRESH = """
mutation RefreshPayment($input: OrderPaymentRefreshInput!) {
  orderPaymentRefresh(input: $input) {
    order { id status stage payment { status } }
    errors { __typename ... on Problem { message } }
  }
}
"""
CANCEL = """
mutation CancelOrder($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { id status cancelReason }
    errors { __typename ... on Problem { message } }
  }
}
"""
PRODUCT = """
query ShowProduct($location: GeoPointInput!, $id: ID!) {
  storefront(location: $location) { product(id: $id) { id availability } }
}
"""
PAY_SECONDS = 10
ADDRESS_LINE = "Rua de Cedofeita 12"


@dataclass(frozen=True, slots=True)
class CardProvider:
    """The URL at which the app confirms a payment, and its publishable key."""

    url: str
    publishable_key: str


class CustomerClient(RoleClient):
    """A customer at a location."""

    at: dict[str, float]

    async def storefront(self, first: int = 40) -> Any:
        """Query the start page."""
        data = await self.graph.run(STOREFRONT, location=self.at, first=first)
        return data["storefront"]

    async def category(self, category_id: str, first: int = 40) -> list[Any]:
        """Query the products of a category page."""
        data = await self.graph.run(CATEGORY, location=self.at, id=category_id, first=first)
        return list(data["storefront"]["category"]["products"]["nodes"])

    async def search(self, words: str) -> list[Any]:
        """Search products."""
        data = await self.graph.run(SEARCH, location=self.at, query=words)
        return list(data["storefront"]["search"]["nodes"])

    async def fill(self, quantities: dict[str, int]) -> Any:
        """Add products to the cart."""
        lines = [{"productId": key, "quantity": count} for key, count in quantities.items()]
        payload = await self.do(FILL, "cartLinesSet", {"location": self.at, "lines": lines})
        return payload["cart"]

    async def place(self, key: str, **inputs: Any) -> Any:
        """Place the order of the cart; the key makes it idempotent."""
        place = {"destination": {"location": self.at}, "addressLine": ADDRESS_LINE}
        given = {**place, "ageConfirmed": True, **inputs}
        return await self.do(PLACE, "orderPlace", given, key)

    async def place_pickup(self, key: str, store_id: str, **inputs: Any) -> Any:
        """Place the order of the cart, to be collected from a store."""
        place = {"destination": {"pickupStoreId": store_id}}
        return await self.do(PLACE, "orderPlace", {**place, **inputs}, key)

    async def pay(self, payment: dict[str, Any], provider: CardProvider, card: str) -> str:
        """Confirm the payment as the provider's library does.

        Returns the intent's status, the code of the refusal, or "api_error".
        """
        secret = payment["clientSecret"]
        form = {"key": provider.publishable_key, "client_secret": secret, "payment_method": card}
        url = f"{_intent_url(secret, provider)}/confirm"
        limit = aiohttp.ClientTimeout(total=PAY_SECONDS)
        async with self.graph.http.post(url, data=form, timeout=limit) as response:
            return _status_or_code(await response.json())

    async def payment_status(self, payment: dict[str, Any], provider: CardProvider) -> str:
        """The intent's status at the provider, or "api_error"."""
        secret = payment["clientSecret"]
        query = {"key": provider.publishable_key, "client_secret": secret}
        limit = aiohttp.ClientTimeout(total=PAY_SECONDS)
        url = _intent_url(secret, provider)
        async with self.graph.http.get(url, params=query, timeout=limit) as response:
            return _status_or_code(await response.json())

    async def order(self, order_id: str) -> Any:
        """Query the order."""
        return (await self.graph.run(ORDER, id=order_id))["order"]

    async def record(self, order_id: str) -> Any:
        """Query everything about the order."""
        return (await self.graph.run(RECORD, id=order_id))["order"]

    async def refresh(self, order_id: str) -> Any:
        """Ask how the payment stands."""
        return (await self.do(REFRESH, "orderPaymentRefresh", {"orderId": order_id}))["order"]

    async def cancel(self, order_id: str, reason: str) -> Any:
        """Call the order off."""
        given = {"orderId": order_id, "reason": reason}
        return (await self.do(CANCEL, "orderCancel", given))["order"]

    async def availability(self, product_id: str) -> str:
        """What the storefront says of a product's stock."""
        data = await self.graph.run(PRODUCT, location=self.at, id=product_id)
        return str(data["storefront"]["product"]["availability"])

    async def track(self, order_id: str, after: str | None = None) -> AsyncIterator[Any]:
        """Subscribe to the order."""
        async for data in self.graph.watch(TRACK, orderId=order_id, after=after):
            yield data["orderTracked"]

    async def complain(self, order_id: str, subject: str, body: str) -> Any:
        """Open a ticket on an order."""
        given = {"orderId": order_id, "category": "ITEM_DAMAGED", "subject": subject, "body": body}
        return (await self.do(OPEN, "ticketOpen", given))["ticket"]


def _intent_url(client_secret: str, provider: CardProvider) -> str:
    if urlsplit(provider.url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("simulated customers pay on this machine only")
    return f"{provider.url}/v1/payment_intents/{client_secret.split('_secret_', maxsplit=1)[0]}"


def _status_or_code(body: dict[str, Any]) -> str:
    error = body.get("error") or {}
    return str(error.get("code") or error.get("type") or body["status"])
