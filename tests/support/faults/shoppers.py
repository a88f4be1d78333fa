"""People with a bad connection: they try again until the store has answered, always by one key."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from simulators.client import Failed, GraphClient, Tally
from simulators.parts.customer import CardProvider, Customer
from simulators.parts.device import Refused
from simulators.parts.picker import Picker
from tests.support.faults.process_group import Resident, Town

Answer = TypeVar("Answer")
TRIES = 300
PAUSE_SECONDS = (0.05, 0.25)
PAID = "requires_capture"
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
class Checkout:
    """What one customer knows of one order in the end."""

    key: str
    order_ids: set[str] = field(default_factory=set)
    paid: bool = False
    left: bool = False
    canceled: bool = False
    refused: list[str] = field(default_factory=list)


@dataclass
class Diary:
    """Everything that all of them lived through."""

    checkouts: list[Checkout] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    finished: int = 0
    packed: int = 0
    tally: Tally = field(default_factory=Tally)

    async def insist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask again after every error that is no refusal."""
        for _ in range(TRIES):
            try:
                return await ask()
            except Refused:
                raise
            except (Failed, aiohttp.ClientError, TimeoutError) as failed:
                self.failures.append(str(failed))
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        raise AssertionError(f"no answer after {TRIES} tries: {self.failures[-1]}")


@dataclass
class Shopper:
    """One customer, who orders again and again."""

    customer: Customer
    provider: CardProvider
    goods: list[str]
    diary: Diary
    chance: random.Random

    async def shop(self, key: str) -> None:
        """One order: look, place it (now and then twice at once), pay, perhaps call it off."""
        checkout = Checkout(key)
        self.diary.checkouts.append(checkout)
        try:
            payment = await self._place(checkout)
            if payment is None:
                return
            checkout.paid = await self._pay(payment)
            if self.chance.random() < 0.1:
                await self._cancel(checkout)
        except Refused as refused:
            checkout.refused.extend(refused.kinds)
        finally:
            self.diary.finished += 1

    async def _place(self, checkout: Checkout) -> dict[str, Any] | None:
        """The payment to make; None when this customer lost patience at the first error."""
        await self.diary.insist(lambda: self.customer.storefront(12))
        chosen = self.chance.sample(self.goods, self.chance.randint(2, 4))
        wanted = {product: self.chance.randint(1, 2) for product in chosen}
        wishes: dict[str, Any] = {}
        if self.chance.random() < 0.5:
            await self.diary.insist(lambda: self.customer.fill(wanted))
        else:
            wishes["lines"] = [{"productId": key, "quantity": n} for key, n in wanted.items()]

        async def once() -> Any:
            placed = await self.customer.place(checkout.key, **wishes)
            checkout.order_ids.add(placed["order"]["id"])
            if placed["payment"]["clientSecret"] is None:
                raise Failed("the payment is not open yet")
            return placed["payment"]

        if self.chance.random() < 0.15:
            try:
                return await once()  # type: ignore[no-any-return] # JSON
            except Refused:
                raise
            except (Failed, aiohttp.ClientError, TimeoutError):
                checkout.left = True
                return None
        again = 2 if self.chance.random() < 0.2 else 1
        payments = await asyncio.gather(*(self.diary.insist(once) for _ in range(again)))
        return payments[0]  # type: ignore[no-any-return] # JSON

    async def _pay(self, payment: dict[str, Any]) -> bool:
        if self.chance.random() < 0.1:
            declined = "pm_card_chargeDeclined"
            await self.diary.insist(lambda: self.customer.pay(payment, self.provider, declined))
        again = 2 if self.chance.random() < 0.15 else 1
        pay = (lambda: self.customer.pay(payment, self.provider, "pm_card_visa"),) * again
        said = await asyncio.gather(*(self.diary.insist(one) for one in pay))
        return PAID in said

    async def _cancel(self, checkout: Checkout) -> None:
        (order_id,) = checkout.order_ids
        given = {"orderId": order_id, "reason": "CHANGED_MIND"}
        checkout.canceled = True
        cancel = self.customer.do
        with suppress(Refused):
            await self.diary.insist(lambda: cancel(CANCEL, "orderCancel", given))


async def pick_for_ever(picker: Picker, diary: Diary) -> None:
    """Accept, pick and pack whatever the store is asked for, until canceled."""
    while True:
        after: str | None = None
        with suppress(Failed, aiohttp.ClientError, TimeoutError):
            while True:
                data = await picker.graph.run(QUEUE, storeId=picker.store_id, after=after)
                for task in data["storeQueue"]["nodes"]:
                    await _pick(picker, task, diary)
                after = data["storeQueue"]["pageInfo"]["endCursor"]
                if not data["storeQueue"]["pageInfo"]["hasNextPage"]:
                    break
        await asyncio.sleep(0.2)


async def _pick(picker: Picker, task: dict[str, Any], diary: Diary) -> None:
    if task["status"] not in ("QUEUED", "ACCEPTED", "PICKING"):
        return
    with suppress(Refused):
        await picker.accept(task["id"])
    for line in task["lines"]:
        with suppress(Refused):
            await picker.pick(task["id"], line, line["quantity"])
    with suppress(Refused):
        await picker.pack(task["id"])
        diary.packed += 1


def device(town: Town, http: aiohttp.ClientSession, who: Resident, tally: Tally) -> GraphClient:
    """An app in which somebody is signed in."""
    graph = GraphClient(http, town.graph, tally)
    graph.token = who.token
    return graph
