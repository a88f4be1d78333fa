"""Random concurrent work on the batches of one product: the ledger explains every unit."""

import asyncio
import random

import pytest

from database.scope import PLATFORM
from jobs import stock
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason
from services.checkout import cancellation
from services.core.problems import DomainError
from services.fulfillment import picking
from services.stock.receiving import StockReceiptLine
from tests.services.stock.test_picked_batches import MILK, pick_line, recall_batch
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    place_paid_order,
    unexplained_stock,
)
from tests.support.stock.batches import issue, receive
from tests.support.store_staff import accept_task, run_step


class RandomWork:
    """Random steps with one product of one store: receipts, issues, orders, picks and recalls."""

    def __init__(self, dependencies: OrderDependencies, city: City, seed: int) -> None:
        self.dependencies, self.city = dependencies, city
        self.random = random.Random(seed)
        self.tasks: list[tuple[Order, Fulfillment, Actor]] = []

    async def receive(self) -> None:
        code, units = self.random.choice("ABCD"), self.random.randint(1, 6)
        line = StockReceiptLine(
            self.city.products[0].id, units, code, None, self.random.randint(0, 1)
        )
        await receive(self.dependencies.database, self.city.near, line)

    async def issue(self) -> None:
        lines = {self.city.products[0].id: self.random.randint(1, 4)}
        await issue(self.dependencies.database, self.city.near, lines)

    async def buy(self) -> None:
        order = await place_paid_order(
            self.dependencies, self.city, self.random.randint(3, 6), MILK
        )
        task, staff = await accept_task(self.dependencies, self.city, order)
        self.tasks.append((order, task, staff))

    async def pick(self) -> None:
        if self.tasks:
            _, task, staff = self.random.choice(self.tasks)
            (line,) = await lines_of(self.dependencies.database, task)
            await pick_line(self.dependencies, staff, task, self.random.randint(0, line.quantity))

    async def pack(self) -> None:
        if self.tasks:
            _, task, staff = self.random.choice(self.tasks)
            await run_step(self.dependencies.database, staff, task, picking.pack, bags=1)

    async def cancel(self) -> None:
        if self.tasks:
            order, *_ = self.random.choice(self.tasks)
            agent = Actor(order.customer_id, grants=(Grant(Role.SUPER_ADMIN),))
            async with self.dependencies.database.write(PLATFORM, ORIGIN) as session:
                reason = OrderCancelReason.OTHER
                await cancellation.cancel_order(
                    session, actor=agent, order_id=order.id, reason=reason
                )

    async def recall(self) -> None:
        await recall_batch(self.dependencies.database, self.city, self.random.choice("AB"))

    async def sweep(self) -> None:
        await stock.withdraw_unsellable_batches(self.dependencies.database)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_batches_are_consistent_after_random_concurrent_work(
    dependencies: OrderDependencies, seed: int
) -> None:
    city = await cities.build_city(dependencies.database, on_hand=12)
    work = RandomWork(dependencies, city, seed)
    steps = [
        work.receive,
        work.receive,
        work.issue,
        work.buy,
        work.buy,
        work.pick,
        work.pick,
        work.pick,
    ]
    steps += [work.pack, work.cancel, work.sweep, work.recall]
    for _ in range(8):
        concurrent = [work.random.choice(steps)() for _ in range(7)]
        results = await asyncio.gather(*concurrent, return_exceptions=True)
        assert all(each is None or isinstance(each, DomainError) for each in results), results
        assert await unexplained_stock(dependencies.database, city) == []
