"""What a picker does not find goes off sale, and is counted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.counting import StockCount, StockCountLine, StockCountStatus
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import OrderCancelReason
from services.checkout import cancellation
from services.stock import stock_rows
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    order_dependencies,
    place_paid_order,
    unexplained_stock,
    write_as,
)
from tests.support.store_staff import accept_task

PRODUCTS = (0, 1)


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


@dataclass
class Picker:
    """A picker with a task of two lines of four units."""

    ask: GraphRunner
    database: Database
    city: City
    task: Fulfillment
    lines: list[FulfillmentLine]
    staff: Actor

    async def step(self, name: str, **given: Any) -> None:
        field, document = f"fulfillment{''.join(name.title().split('_'))}", f"fulfillment_{name}"
        input_ = {"fulfillmentId": public_id(self.task), **given}
        response = await self.ask(operation(document), {"input": input_}, self.staff)
        assert response.data[field]["errors"] == [], response

    async def pick(self, index: int, quantity: int, damaged: int = 0) -> None:
        given = {"quantity": quantity, "damagedQuantity": damaged}
        await self.step("line_pick", lineId=public_id(self.lines[index]), **given)

    async def available(self, index: int) -> int:
        """The units of a product on sale in the store."""
        store, product = self.task.store_id, self.lines[index].product_id
        async with self.database.write(PLATFORM, ORIGIN) as session:
            rows = await stock_rows.lock_rows(session, [store], [product])
            return stock_rows.available_units(rows[store][product])

    async def counts(self, index: int) -> list[StockCountStatus]:
        """The active counts of a product in the store."""
        counts = select(StockCount.status).join(
            StockCountLine, StockCountLine.count_id == StockCount.id
        )
        of_product = (
            StockCountLine.live,
            StockCountLine.store_id == self.task.store_id,
            StockCountLine.product_id == self.lines[index].product_id,
        )
        async with self.database.read(PLATFORM) as session:
            return list(await session.scalars(counts.where(*of_product)))

    async def check(self, index: int, available: int, counts: int) -> None:
        """Compare what is on sale of a product, and how many active counts have it."""
        assert await self.available(index) == available
        assert await self.counts(index) == [StockCountStatus.IN_PROGRESS] * counts


@pytest.fixture
async def picker(ask: GraphRunner, dependencies: OrderDependencies, city: City) -> Picker:
    database = dependencies.database
    order = await place_paid_order(dependencies, city, 4, PRODUCTS)
    task, staff = await accept_task(dependencies, city, order)
    return Picker(ask, database, city, task, await lines_of(database, task), staff)


async def test_a_product_that_a_picker_does_not_find_goes_off_sale_and_is_counted(
    picker: Picker,
) -> None:
    """A picker finds none of nine units, and the order is canceled as OUT_OF_STOCK.

    The other 26 units stayed on sale and nobody was asked to count them: the next customer bought
    nine, paid, and was canceled too.
    """
    await picker.pick(0, 0)
    await picker.check(0, available=0, counts=1)
    await picker.pick(0, 0)
    await picker.check(0, available=0, counts=1)
    await picker.pick(1, 0)
    await picker.step("pack", bagCount=1)
    await picker.check(0, available=0, counts=1)
    await picker.check(1, available=0, counts=1)
    async with picker.database.read(PLATFORM) as session:
        task = await session.get_one(Fulfillment, picker.task.id)
    assert task.status is FulfillmentStatus.CANCELED
    assert await unexplained_stock(picker.database, picker.city) == []


async def test_a_product_of_which_a_part_is_found_stays_on_sale_and_is_counted(
    picker: Picker,
) -> None:
    """Two of four units are found: there are some, and the books have more than the shelf.

    Nobody was asked to count them. A picker who scans unit by unit has found a part after each of
    them, so the count is opened when the bags are closed.
    """
    for found in range(1, 5):
        await picker.pick(0, found)
    await picker.pick(1, 2)
    await picker.check(1, available=46, counts=0)
    await picker.step("pack", bagCount=1)
    await picker.check(0, available=46, counts=0)
    await picker.check(1, available=46, counts=1)
    assert await unexplained_stock(picker.database, picker.city) == []


async def test_damaged_units_were_found(picker: Picker) -> None:
    """Four broken bottles leave the shelf's number right; three of four leave one missing."""
    await picker.pick(0, 0, damaged=4)
    await picker.check(0, available=46, counts=0)
    await picker.pick(1, 0, damaged=3)
    await picker.check(1, available=0, counts=1)
    await picker.step("pack", bagCount=1)
    await picker.check(0, available=46, counts=0)
    assert await unexplained_stock(picker.database, picker.city) == []


async def test_a_product_that_was_not_found_stays_off_sale_when_the_order_is_canceled(
    picker: Picker,
) -> None:
    """The customer cancels after the picker found nothing: the order's units do not come back."""
    await picker.pick(0, 0)
    customer = Actor(picker.task.customer_id, grants=(Grant(Role.CUSTOMER),))
    async with write_as(picker.database, customer, picker.task.company_id) as session:
        await cancellation.cancel_order(
            session,
            actor=customer,
            order_id=picker.task.order_id,
            reason=OrderCancelReason.CHANGED_MIND,
        )
    await picker.check(0, available=0, counts=1)
    await picker.check(1, available=50, counts=0)
    assert await unexplained_stock(picker.database, picker.city) == []
