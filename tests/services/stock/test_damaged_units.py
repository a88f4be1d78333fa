"""Units that a picker finds damaged: set aside, replaced if possible, and lost once."""

import pytest

from database.scope import PLATFORM
from models.catalog import Product, TemperatureZone
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentLineStatus
from models.identity import Actor
from models.orders import Order
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput
from services.fulfillment import fulfillments, picking
from services.fulfillment.picking import LinePick
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    payment_of,
    place_paid_order,
    unexplained_stock,
)
from tests.support.stock.batches import batches_of, counters, day, receive
from tests.support.store_staff import (
    accept_task,
    put_back_everything,
    refusal_of_step,
    run_step,
)

EGGS = (2,)


async def report_pick(
    dependencies: OrderDependencies,
    staff: Actor,
    task: Fulfillment,
    quantity: int,
    damaged: int = 0,
) -> FulfillmentLine:
    pick = LinePick(quantity, code="P003", damaged=damaged)
    await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    (line,) = await lines_of(dependencies.database, task)
    return line


async def test_a_damaged_unit_is_replaced_by_an_available_one(
    dependencies: OrderDependencies, city: City
) -> None:
    database, eggs = dependencies.database, city.products[2].id
    task, staff = await accept_task(
        dependencies, city, await place_paid_order(dependencies, city, 2, EGGS)
    )
    line = await report_pick(dependencies, staff, task, 2, damaged=1)
    assert (line.status, line.damaged_quantity) == (FulfillmentLineStatus.FOUND, 1)
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    assert await unexplained_stock(database, city) == []
    await run_step(database, staff, task, picking.pack, bags=1)
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    assert await unexplained_stock(database, city) == []


async def test_a_line_may_be_short_of_its_damaged_units(
    dependencies: OrderDependencies, city: City
) -> None:
    database, eggs = dependencies.database, city.products[2].id
    order = await place_paid_order(dependencies, city, 2, EGGS)
    task, staff = await accept_task(dependencies, city, order)
    line = await report_pick(dependencies, staff, task, 1, damaged=1)
    assert (line.status, line.missing_quantity) == (FulfillmentLineStatus.SHORT, 1)
    assert (line.units.unfit, line.units.lost) == (1, 0)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    # Another unit is found after all: one of the available ones.
    line = await report_pick(dependencies, staff, task, 2)
    assert line.status is FulfillmentLineStatus.FOUND
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    await report_pick(dependencies, staff, task, 0)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    await report_pick(dependencies, staff, task, 1)
    await run_step(database, staff, task, picking.pack, bags=1)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    async with database.read(PLATFORM) as session:
        capture_minor = (await payment_of(session, order)).capture_wanted_minor
    assert capture_minor == order.total_minor - city.first.prices[2]
    assert await unexplained_stock(database, city) == []


@pytest.mark.parametrize("quantity", [1, 2])
async def test_a_canceled_order_returns_only_undamaged_units(
    quantity: int, dependencies: OrderDependencies, city: City
) -> None:
    database, eggs = dependencies.database, city.products[2].id
    await receive(database, city.near, StockReceiptLine(eggs, 3, "soon", day(1)))
    order = await place_paid_order(dependencies, city, 2, EGGS)
    task, staff = await accept_task(dependencies, city, order)
    await report_pick(dependencies, staff, task, quantity, damaged=1)
    async with database.write(PLATFORM, ORIGIN) as session:
        await fulfillments.cancel_for_order(session, await session.get_one(Order, order.id))
    assert await counters(database, city.near, eggs) == (52 - quantity, 0, 1, 0)
    await put_back_everything(database, staff, task)
    assert await counters(database, city.near, eggs) == (52, 0, 1, 0)
    assert (await batches_of(database, city.near, eggs))["soon"][:2] == (2, 1)
    assert await unexplained_stock(database, city) == []


async def test_units_sold_to_others_replace_no_damaged_unit(
    dependencies: OrderDependencies, city: City
) -> None:
    database, eggs = dependencies.database, city.products[2].id
    await place_paid_order(dependencies, city, 48, EGGS)
    task, staff = await accept_task(
        dependencies, city, await place_paid_order(dependencies, city, 2, EGGS)
    )
    assert await counters(database, city.near, eggs) == (0, 0, 0, 0)
    pick = LinePick(2, code="P003", damaged=1)
    problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(problem, InsufficientStock)
    assert problem.available == 0
    await report_pick(dependencies, staff, task, 1, damaged=1)
    assert await counters(database, city.near, eggs) == (0, 0, 1, 0)
    for damaged in (-1, 100):
        pick = LinePick(1, code="P003", damaged=damaged)
        problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(problem, InvalidInput)
        assert problem.path == ["input", "damagedQuantity"]
    assert await unexplained_stock(database, city) == []


async def test_frozen_products_are_picked_last(dependencies: OrderDependencies, city: City) -> None:
    database = dependencies.database
    milk, bread, eggs = (product.id for product in city.products[:3])
    async with database.write(PLATFORM, ORIGIN) as session:
        for key, zone in ((milk, TemperatureZone.FROZEN), (bread, TemperatureZone.CHILLED)):
            (await session.get_one(Product, key)).temperature_zone = zone
    task, _ = await accept_task(dependencies, city, await place_paid_order(dependencies, city))
    zones = [(line.temperature_zone, line.product_id) for line in await lines_of(database, task)]
    last = [(TemperatureZone.CHILLED, bread), (TemperatureZone.FROZEN, milk)]
    assert zones == [(TemperatureZone.AMBIENT, eggs), *last]
