"""Customers with bad connections: they retry with one idempotency key until they get a response."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import aiohttp

from simulators.client import RequestFailed, RequestStatistics
from simulators.parts.customer import CardProvider, CustomerClient
from simulators.parts.device import MutationRejected
from tests.support.faults.provider_control import ProviderControl
from tests.support.waiting import until

Answer = TypeVar("Answer")
RETRY_SECONDS = 240.0
"""A server that is killed on a busy machine takes a minute until it answers again."""
MAX_PAUSES = 5
CONFIRM_SECONDS = 90.0
PAUSE_SECONDS = (0.05, 0.25)
PAID_STATUSES = frozenset({"requires_capture", "succeeded"})
CANCEL = """
mutation Cancel($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { id status }
    errors { __typename ... on Problem { message } }
  }
}
"""


@dataclass
class CheckoutRecord:
    """What a customer knows about one checkout at the end.

    `loses_hold`: the bank ends the authorization once the order is confirmed. `pays_again`: the
    customer confirms a payment that was reopened.
    """

    key: str
    loses_hold: bool = False
    pays_again: bool = True
    collects: bool = False
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
    delivered_count: int = 0
    paid_again: set[str] = field(default_factory=set)
    pickup_codes: dict[str, str] = field(default_factory=dict)
    canceled_by_support: set[UUID] = field(default_factory=set)
    refunds: Counter[UUID] = field(default_factory=Counter)
    pickers_wait: bool = False
    """The stores begin nothing, so that a payment ends before its order is packed."""
    calm: bool = False
    """Nothing fails any more: what is stuck can be resumed."""
    closing: bool = False
    """Riders and support begin nothing new."""
    tally: RequestStatistics = field(default_factory=RequestStatistics)

    async def retry(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Repeat a request after every error that is not a business error, ever more slowly."""
        deadline, attempt = time.monotonic() + RETRY_SECONDS, 0
        while True:
            attempt += 1
            try:
                return await request()
            except MutationRejected:
                raise
            except (RequestFailed, aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(str(error) or repr(error))
                if time.monotonic() > deadline:
                    message = f"no response after {attempt} attempts: {self.failures[-1]}"
                    raise AssertionError(message) from error
                pause_seconds = random.uniform(*PAUSE_SECONDS)
                await asyncio.sleep(pause_seconds * min(attempt, MAX_PAUSES))


@dataclass
class Shopper:
    """A customer who places many orders."""

    customer: CustomerClient
    provider: CardProvider
    bank: ProviderControl
    product_ids: list[str]
    store_id: str
    log: ShoppingLog
    rng: random.Random

    async def check_out(self, checkout: CheckoutRecord) -> None:
        """Browse, place an order (sometimes twice at once), pay, and sometimes cancel it."""
        self.log.checkouts.append(checkout)
        try:
            payment = await self._place(checkout)
            if payment is None:
                return
            checkout.paid = await self._pay(payment)
            if checkout.loses_hold:
                await self._lose_hold(checkout, payment)
            elif self.rng.random() < 0.1:
                await self._cancel(checkout)
        except MutationRejected as error:
            checkout.error_types.extend(error.codes)
        finally:
            self.log.finished_count += 1

    async def pay_again(self, order_id: str) -> None:
        """Confirm a payment that was reopened, once it can be paid."""
        order = await self.log.retry(lambda: self.customer.order(order_id))
        payment = order["payment"]
        is_open = "PAY" in order["availableActions"] and payment["clientSecret"]
        if is_open and await self._confirm(payment) in PAID_STATUSES:
            self.log.paid_again.add(order_id)

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
            if checkout.collects:
                placed = await self.customer.place_pickup(checkout.key, self.store_id, **fields)
            else:
                placed = await self.customer.place(checkout.key, **fields)
            order = placed["order"]
            checkout.order_ids.add(order["id"])
            self.log.pickup_codes[order["code"]] = order["pickupCode"]
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
            await self._confirm(payment, "pm_card_chargeDeclined")
        repeat = 2 if self.rng.random() < 0.15 else 1
        statuses = await asyncio.gather(*(self._confirm(payment) for _ in range(repeat)))
        return not PAID_STATUSES.isdisjoint(statuses)

    async def _confirm(self, payment: dict[str, Any], card: str = "pm_card_visa") -> str:
        """Confirm a payment; the status of one that an earlier try, without an answer, confirmed.

        A provider that does not answer is asked again.
        """

        async def confirm_once() -> str:
            status = await self.customer.pay(payment, self.provider, card)
            if status == "payment_intent_unexpected_state":
                status = await self.customer.payment_status(payment, self.provider)
            if status == "api_error":
                raise RequestFailed("the provider is out")
            return status

        return await self.log.retry(confirm_once)

    async def _lose_hold(self, checkout: CheckoutRecord, payment: dict[str, Any]) -> None:
        """The bank ends the authorization while the store picks, if it was not captured before."""
        (order_id,) = checkout.order_ids

        async def is_confirmed() -> bool:
            order = await self.log.retry(lambda: self.customer.order(order_id))
            return bool(order["status"] != "PLACED")

        await until(is_confirmed, CONFIRM_SECONDS, "the confirmed order", poll_seconds=0.1)
        await self.bank.end_authorization(payment["clientSecret"])

    async def _cancel(self, checkout: CheckoutRecord) -> None:
        (order_id,) = checkout.order_ids
        cancel_input = {"orderId": order_id, "reason": "CHANGED_MIND"}
        checkout.canceled = True
        cancel = self.customer.do
        with suppress(MutationRejected):
            await self.log.retry(lambda: cancel(CANCEL, "orderCancel", cancel_input))
