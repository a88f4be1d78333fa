"""What a picker does not find goes off sale, and is counted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from models.counting import StockCount, StockCountLine, StockCountStatus
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentRejectReason,
    FulfillmentStatus,
)
from models.identity import Actor, Grant, Role
from models.orders import OrderCancelReason
from services.checkout import cancellation, reauthorization
from services.fulfillment import give_back, missing_products, picking, rerouting
from services.fulfillment.fulfillment_states import IN_PROGRESS, MACHINE, PICKING_STATUSES
from services.orders import order_locks
from services.stock import stock_rows
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
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


async def give_back_task(picker: Picker, session: AsyncSession) -> None:
    """Give the task back to the queue, and let the time end in which another picker accepts it."""
    task = picker.task.id
    await give_back.give_back(session, actor=picker.staff, fulfillment_id=task)
    is_task = Fulfillment.id == task
    await session.execute(update(Fulfillment).where(is_task).values(next_step_due_at=func.now()))


async def pack(picker: Picker, session: AsyncSession) -> None:
    await picking.pack(session, actor=picker.staff, fulfillment_id=picker.task.id, bags=1)


async def reject(picker: Picker, session: AsyncSession) -> None:
    """Give the task back half picked, and reject it for want of people."""
    await give_back_task(picker, session)
    reason = FulfillmentRejectReason.TOO_BUSY
    step = missing_products.reject
    await step(session, actor=picker.staff, fulfillment_id=picker.task.id, reason=reason)


async def time_out(picker: Picker, session: AsyncSession) -> None:
    """Give the task back half picked, and let nobody take it."""
    await give_back_task(picker, session)
    assert await rerouting.time_out(session, picker.task.id)


async def cancel_as_customer(picker: Picker, session: AsyncSession) -> None:
    await cancel_as(session, picker, Actor(picker.task.customer_id, grants=(Grant(Role.CUSTOMER),)))


async def cancel_as_support(picker: Picker, session: AsyncSession) -> None:
    grant = Grant(Role.SUPPORT_AGENT, picker.task.company_id)
    (agent,) = await create_people(picker.database, 1, grant)
    await cancel_as(session, picker, agent)


async def cancel_as(session: AsyncSession, picker: Picker, actor: Actor) -> None:
    order_id, reason = picker.task.order_id, OrderCancelReason.CHANGED_MIND
    await cancellation.cancel_order(session, actor=actor, order_id=order_id, reason=reason)


async def cancel_without_rider(picker: Picker, session: AsyncSession) -> None:
    order = await order_locks.lock(session, picker.task.order_id)
    await cancellation.cancel_for_cause(session, order, OrderCancelReason.NO_RIDER_AVAILABLE)


async def lose_payment(picker: Picker, session: AsyncSession) -> None:
    order = await order_locks.lock(session, picker.task.order_id)
    await reauthorization.cancel_for_lost_payment(session, order)


WAYS_OUT: dict[str, list[Callable[[Picker, AsyncSession], Awaitable[None]]]] = {
    "PACK": [pack],
    "REJECT": [reject],
    "job: not accepted in time": [time_out],
    "order: canceled": [cancel_as_customer, cancel_as_support, cancel_without_rider, lose_payment],
}
"""By the transition that ends the picking: what can lead to it."""


@pytest.mark.parametrize("leave", [way for ways in WAYS_OUT.values() for way in ways])
async def test_missing_units_are_counted_however_picking_ends(
    picker: Picker, leave: Callable[[Picker, AsyncSession], Awaitable[None]]
) -> None:
    """Two of four units are found, and the customer cancels before the order is packed.

    The missing two were written off, and nobody was asked to count the product: only packing and a
    rejection as out of stock did that.
    """
    await picker.pick(0, 4)
    await picker.pick(1, 2)
    async with picker.database.write(PLATFORM, ORIGIN) as session:
        await leave(picker, session)
    assert await picker.counts(0) == []
    assert await picker.counts(1) == [StockCountStatus.IN_PROGRESS]
    assert await unexplained_stock(picker.database, picker.city) == []


def test_every_transition_that_ends_the_picking_is_a_way_out() -> None:
    """A transition from a status with an open pick list to one without is in WAYS_OUT."""
    open_list = IN_PROGRESS | PICKING_STATUSES | {FulfillmentStatus.QUEUED}
    transitions = [(one.action.name, one.sources, one.targets) for one in MACHINE.transitions]
    transitions += [(one.cause, one.sources, one.targets) for one in MACHINE.automatic]
    ends = {
        name
        for name, sources, targets in transitions
        if sources & open_list and targets and targets.isdisjoint(open_list)
    }
    assert ends == set(WAYS_OUT)


async def test_packed_bags_are_not_counted_again_when_their_order_is_canceled(
    picker: Picker,
) -> None:
    """Packing had the missing units counted; support cancels the packed order after the count."""
    await picker.pick(0, 4)
    await picker.pick(1, 2)
    await picker.step("pack", bagCount=1)
    async with picker.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(StockCountLine).values(live=False))
        await cancel_as_support(picker, session)
    assert await picker.counts(1) == []


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
