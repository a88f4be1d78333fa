"""Random work by many hands on the batches of one product: every unit is in the books."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from jobs import stock
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.orders import CancelReason, Order
from services import checkout
from services.core.problems import Refused
from services.fulfillment import picking
from services.stock.receiving import Received
from tests.services.stock.test_batches import receive, ship
from tests.services.stock.test_picked_batches import MILK, pick, recalled
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, lines, opened, paid, unexplained
from tests.support.store_staff import accepted, step


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


class Week:
    """Random work on one product of one store by many hands: batches come, go and are recalled."""

    def __init__(self, doors: Doors, city: City, seed: int) -> None:
        self.doors, self.city = doors, city
        self.dice = random.Random(seed)
        self.tasks: list[tuple[Order, Fulfillment, Actor]] = []

    async def come(self) -> None:
        code, units = self.dice.choice("ABCD"), self.dice.randint(1, 6)
        line = Received(self.city.products[0].id, units, code, None, self.dice.randint(0, 1))
        await receive(self.doors.database, self.city.near, line)

    async def go(self) -> None:
        lines = {self.city.products[0].id: self.dice.randint(1, 4)}
        await ship(self.doors.database, self.city.near, lines)

    async def buy(self) -> None:
        order = await paid(self.doors, self.city, self.dice.randint(3, 6), MILK)
        task, staff = await accepted(self.doors, self.city, order)
        self.tasks.append((order, task, staff))

    async def pick(self) -> None:
        if self.tasks:
            _, task, staff = self.dice.choice(self.tasks)
            (line,) = await lines(self.doors.database, task)
            await pick(self.doors, staff, task, self.dice.randint(0, line.quantity))

    async def pack(self) -> None:
        if self.tasks:
            _, task, staff = self.dice.choice(self.tasks)
            await step(self.doors.database, staff, task, picking.pack, bags=1)

    async def cancel(self) -> None:
        if self.tasks:
            order, *_ = self.dice.choice(self.tasks)
            agent = Actor(order.customer_id, grants=(Grant(Role.SUPER_ADMIN),))
            async with self.doors.database.write(PLATFORM, ORIGIN) as session:
                why = CancelReason.OTHER
                await checkout.cancel_order(session, actor=agent, order_id=order.id, reason=why)

    async def recall(self) -> None:
        await recalled(self.doors.database, self.city, self.dice.choice("AB"))

    async def sweep(self) -> None:
        await stock.set_aside(self.doors.database)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_batches_add_up_through_a_wild_week(doors: Doors, seed: int) -> None:
    city = await cities.build(doors.database, on_hand=12)
    week = Week(doors, city, seed)
    verbs = [week.come, week.come, week.go, week.buy, week.buy, week.pick, week.pick, week.pick]
    verbs += [week.pack, week.cancel, week.sweep, week.recall]
    for _ in range(8):
        hour = [week.dice.choice(verbs)() for _ in range(7)]
        answers = await asyncio.gather(*hour, return_exceptions=True)
        wrong = [one for one in answers if one is not None and not isinstance(one, Refused)]
        assert wrong == []
        assert await unexplained(doors.database, city) == []
