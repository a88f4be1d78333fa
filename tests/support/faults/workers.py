"""Pickers, riders and support agents who work on whatever there is, through every outage."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from models.delivery import Delivery
from models.ids import decode_id, encode_id
from models.orders import Order
from simulators.client import RequestFailed
from simulators.parts.agent import AgentClient
from simulators.parts.device import MutationRejected
from simulators.parts.picker import PickerClient
from simulators.parts.rider import RiderClient
from tests.support.faults.process_group import ServerGroup
from tests.support.faults.shoppers import CANCEL, ShoppingLog

# What passes: somebody's app tries again.
PASSING = (RequestFailed, aiohttp.ClientError, TimeoutError, OSError, asyncpg.PostgresError,
           asyncpg.InterfaceError, asyncpg.InternalClientError)  # fmt: skip
PAUSE_SECONDS = 0.2
REFUND_MINOR = 37
TASKS_AT_ONCE = 4
PICKABLE = frozenset({"QUEUED", "ACCEPTED", "PICKING"})
QUEUE = """
query Queue($storeId: ID!, $after: String) {
  storeQueue(storeId: $storeId, first: 100, after: $after) {
    nodes { id status orderCode lines { id status quantity averageWeightGrams } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
DESK = """
query Desk {
  viewer { rider { rider { status } currentDelivery { id status } offers { id store { id } } } }
}
"""
REFUND = """
mutation Refund($input: RefundIssueInput!) {
  refundIssue(input: $input) {
    refund { id }
    errors { __typename ... on Problem { message } }
  }
}
"""
STUCK = "query Stuck { stuckPayments(first: 100) { nodes { id availableActions } } }"
RESUME = """
mutation Resume($input: PaymentResumeInput!) {
  paymentResume(input: $input) {
    payment { id }
    errors { __typename ... on Problem { message } }
  }
}
"""
CODES = """
select f.handover_code, o.delivery_pin from delivery d
join fulfillment f on f.id = d.fulfillment_id join "order" o on o.id = d.order_id
where d.id = $1
"""
CHARGED = """
select o.id, o.status from "order" o join payment p on p.order_id = o.id and p.is_current
where o.company_id = $1 and p.captured_amount_minor > p.refunded_amount_minor order by o.id
"""


async def repeat(step: Callable[[], Awaitable[object]]) -> None:
    """Take a step again and again until canceled; it may fail while processes are down."""
    while True:
        with suppress(*PASSING):
            await step()
        await asyncio.sleep(PAUSE_SECONDS)


@dataclass
class Picker:
    """Picks, packs, stages, hands over to customers and puts back what is in a store's queue."""

    app: PickerClient
    log: ShoppingLog

    async def work(self) -> None:
        """Take one step of every task, of some at the same time."""
        if self.log.pickers_wait:
            return
        after: str | None = None
        lanes = asyncio.Semaphore(TASKS_AT_ONCE)

        async def advance(task: dict[str, Any]) -> None:
            async with lanes:
                with suppress(*PASSING):
                    await self._advance(task)

        while True:
            data = await self.app.graph.run(QUEUE, storeId=self.app.store_id, after=after)
            await asyncio.gather(*map(advance, data["storeQueue"]["nodes"]))
            after = data["storeQueue"]["pageInfo"]["endCursor"]
            if not data["storeQueue"]["pageInfo"]["hasNextPage"]:
                break
        for task in await self.app.put_backs():
            with suppress(MutationRejected):
                await self.app.put_back(task)

    async def _advance(self, task: dict[str, Any]) -> None:
        """Take one step; what is picked is packed in a later round: meanwhile a hold may end."""
        status, codes = task["status"], self.log.pickup_codes
        if status == "QUEUED":
            await self.app.accept(task["id"])
        if status in PICKABLE:
            for line in task["lines"]:
                if line["status"] == "PENDING":
                    await self.app.pick(task["id"], line, line["quantity"])
        if status == "PICKING":
            await self.app.pack(task["id"])
            self.log.packed_count += 1
        elif status == "PACKED":
            await self.app.stage(task["id"])
        elif status == "READY_FOR_PICKUP" and task["orderCode"] in codes:
            await self.app.collect(task["id"], codes[task["orderCode"]])
            self.log.delivered_count += 1


@dataclass
class Rider:
    """Waits between the store and its customers, and brings one order after the other."""

    app: RiderClient
    place: dict[str, float]
    store_id: str
    servers: ServerGroup
    log: ShoppingLog

    async def work(self) -> None:
        """Take the next step of the ride, or accept an offer; none once the run is closing."""
        desk = (await self.app.graph.run(DESK))["viewer"]["rider"]
        if desk["rider"]["status"] == "OFFLINE":
            await self.app.go_online()
        with suppress(MutationRejected):
            await self.app.report(**self.place)
        with suppress(MutationRejected):
            if desk["currentDelivery"] is not None:
                await self._ride(desk["currentDelivery"])
            for offer in desk["offers"]:
                if self.log.closing or offer["store"]["id"] != self.store_id:
                    await self.app.decline(offer["id"])
                elif desk["currentDelivery"] is None:
                    await self.app.accept(offer["id"])

    async def _ride(self, delivery: dict[str, Any]) -> None:
        key = delivery["id"]
        ((code, pin),) = await self.servers.fetch(CODES, decode_id(Delivery, key))
        match delivery["status"]:
            case "ASSIGNED" | "EN_ROUTE_TO_STORE":
                await self.app.arrive_at_store(key)
            case "AT_STORE" if code is not None:
                await self.app.pick_up(key, code)
            case "PICKED_UP" | "EN_ROUTE_TO_CUSTOMER" | "ARRIVING":
                await self.app.arrive_at_customer(key)
            case "AT_CUSTOMER":
                await self.app.complete(key, pin)
                self.log.delivered_count += 1


@dataclass
class Agent:
    """Refunds a part of some orders that were charged, and cancels others before the handover."""

    app: AgentClient
    company_id: UUID
    servers: ServerGroup
    log: ShoppingLog
    rng: random.Random

    def __post_init__(self) -> None:
        self._seen: set[UUID] = set()

    async def work(self) -> None:
        """Decide on each charged order once; when all is calm, resume the stuck payments."""
        for order_id, status in await self.servers.fetch(CHARGED, self.company_id):
            if order_id in self._seen or self.log.closing:
                continue
            self._seen.add(order_id)
            choice = self.rng.random()
            if choice < 0.2 and status == "CONFIRMED":
                await self._cancel(order_id)
            elif choice < 0.6:
                await self._refund(order_id)
        if self.log.calm:
            for payment in (await self.app.graph.run(STUCK))["stuckPayments"]["nodes"]:
                with suppress(MutationRejected):
                    await self.app.do(RESUME, "paymentResume", {"paymentId": payment["id"]})

    async def _cancel(self, order_id: UUID) -> None:
        given = {"orderId": encode_id(Order, order_id), "reason": "TOO_SLOW"}
        key = f"cancel-{order_id}"
        with suppress(MutationRejected):
            await self.log.retry(lambda: self.app.do(CANCEL, "orderCancel", given, key))
            self.log.canceled_by_support.add(order_id)

    async def _refund(self, order_id: UUID) -> None:
        """Refund a part once: a repeated request has the same idempotency key."""
        given = {
            "orderId": encode_id(Order, order_id),
            "amountMinor": REFUND_MINOR,
            "reason": "GOODWILL",
        }
        key = f"refund-{order_id}"
        with suppress(MutationRejected):
            await self.log.retry(lambda: self.app.do(REFUND, "refundIssue", given, key))
            self.log.refunds[order_id] += 1
