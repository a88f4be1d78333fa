"""Customers with bad connections: they retry with one idempotency key until they get a response."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from simulators.client import GraphClient, RequestFailed, RequestStatistics
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.device import MutationRejected
from simulators.parts.picker import PickerClient
from tests.support.faults.process_group import ServerGroup, SignedInUser

Answer = TypeVar("Answer")
MAX_ATTEMPTS = 300
PAUSE_SECONDS = (0.05, 0.25)
PAID_STATUS = "requires_capture"
CANCEL = """
mutation Cancel($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""
QUEUE = """
query Queue($storeId: ID!, $after: String) {
  storeQueue(storeId: $storeId, first: 100, after: $after) {
    nodes { id status lines { id quantity unitGrams } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


@dataclass
class CheckoutRecord:
    """What a customer knows about one checkout at the end."""

    key: str
    order_ids: set[str] = field(default_factory=set)
    paid: bool = False
    abandoned: bool = False
    canceled: bool = False
    error_types: list[str] = field(default_factory=list)


@dataclass
class ShoppingLog:
    """The checkouts and failures of all customers."""

    checkouts: list[CheckoutRecord] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    finished_count: int = 0
    packed_count: int = 0
    tally: RequestStatistics = field(default_factory=RequestStatistics)

    async def retry(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Repeat a request after every error that is not a business error."""
        for _ in range(MAX_ATTEMPTS):
            try:
                return await request()
            except MutationRejected:
                raise
            except (RequestFailed, aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(str(error))
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        raise AssertionError(f"no response after {MAX_ATTEMPTS} attempts: {self.failures[-1]}")


@dataclass
class Shopper:
    """A customer who places many orders."""

    customer: CustomerClient
    provider: CardProvider
    product_ids: list[str]
    log: ShoppingLog
    rng: random.Random

    async def check_out(self, key: str) -> None:
        """Browse, place an order (sometimes twice at once), pay, and sometimes cancel it."""
        checkout = CheckoutRecord(key)
        self.log.checkouts.append(checkout)
        try:
            payment = await self._place(checkout)
            if payment is None:
                return
            checkout.paid = await self._pay(payment)
            if self.rng.random() < 0.1:
                await self._cancel(checkout)
        except MutationRejected as error:
            checkout.error_types.extend(error.codes)
        finally:
            self.log.finished_count += 1

    async def _place(self, checkout: CheckoutRecord) -> dict[str, Any] | None:
        """Return the payment to make; None when the customer gave up after an error."""
        await self.log.retry(lambda: self.customer.storefront(12))
        chosen_ids = self.rng.sample(self.product_ids, self.rng.randint(2, 4))
        quantities = {product_id: self.rng.randint(1, 2) for product_id in chosen_ids}
        fields: dict[str, Any] = {}
        if self.rng.random() < 0.5:
            await self.log.retry(lambda: self.customer.fill(quantities))
        else:
            fields["lines"] = [{"productId": key, "quantity": n} for key, n in quantities.items()]

        async def place_once() -> Any:
            placed = await self.customer.place(checkout.key, **fields)
            checkout.order_ids.add(placed["order"]["id"])
            if placed["payment"]["clientSecret"] is None:
                raise RequestFailed("the payment is not open yet")
            return placed["payment"]

        if self.rng.random() < 0.15:
            try:
                return await place_once()  # type: ignore[no-any-return] # JSON
            except MutationRejected:
                raise
            except (RequestFailed, aiohttp.ClientError, TimeoutError):
                checkout.abandoned = True
                return None
        repeat = 2 if self.rng.random() < 0.2 else 1
        payments = await asyncio.gather(*(self.log.retry(place_once) for _ in range(repeat)))
        return payments[0]  # type: ignore[no-any-return] # JSON

    async def _pay(self, payment: dict[str, Any]) -> bool:
        if self.rng.random() < 0.1:
            declined = "pm_card_chargeDeclined"
            await self.log.retry(lambda: self.customer.pay(payment, self.provider, declined))
        repeat = 2 if self.rng.random() < 0.15 else 1
        pay = (lambda: self.customer.pay(payment, self.provider, "pm_card_visa"),) * repeat
        statuses = await asyncio.gather(*(self.log.retry(attempt) for attempt in pay))
        return PAID_STATUS in statuses

    async def _cancel(self, checkout: CheckoutRecord) -> None:
        (order_id,) = checkout.order_ids
        cancel_input = {"orderId": order_id, "reason": "CHANGED_MIND"}
        checkout.canceled = True
        cancel = self.customer.do
        with suppress(MutationRejected):
            await self.log.retry(lambda: cancel(CANCEL, "orderCancel", cancel_input))


async def pick_continuously(picker: PickerClient, log: ShoppingLog) -> None:
    """Accept, pick and pack every task of a store's queue, until canceled."""
    while True:
        after: str | None = None
        with suppress(RequestFailed, aiohttp.ClientError, TimeoutError):
            while True:
                data = await picker.graph.run(QUEUE, storeId=picker.store_id, after=after)
                for task in data["storeQueue"]["nodes"]:
                    await _pick(picker, task, log)
                after = data["storeQueue"]["pageInfo"]["endCursor"]
                if not data["storeQueue"]["pageInfo"]["hasNextPage"]:
                    break
        await asyncio.sleep(0.2)


async def _pick(picker: PickerClient, task: dict[str, Any], log: ShoppingLog) -> None:
    if task["status"] not in ("QUEUED", "ACCEPTED", "PICKING"):
        return
    with suppress(MutationRejected):
        await picker.accept(task["id"])
    for line in task["lines"]:
        with suppress(MutationRejected):
            await picker.pick(task["id"], line, line["quantity"])
    with suppress(MutationRejected):
        await picker.pack(task["id"])
        log.packed_count += 1


def graph_client(
    servers: ServerGroup, http: aiohttp.ClientSession, who: SignedInUser, tally: RequestStatistics
) -> GraphClient:
    """Return a GraphQL client that sends a user's access token."""
    client = GraphClient(http, servers.graph_url, tally)
    client.token = who.token
    return client
