"""What a picker finds unfit: counted as damaged, never sold, never lost twice."""

from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Product, TemperatureZone
from models.fulfillment import Fulfillment, FulfillmentLine, FulfillmentLineStatus
from models.identity import Actor
from models.orders import Order
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput
from services.fulfillment import fulfillments, picking
from services.fulfillment.picking import Pick
from services.stock.receiving import Received
from tests.services.stock.test_batches import batches_of, counters, day, receive
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, lines, opened, paid, payment_of, unexplained
from tests.support.store_staff import accepted, refused, step

EGGS = (2,)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def say(
    doors: Doors, staff: Actor, task: Fulfillment, quantity: int, damaged: int = 0
) -> FulfillmentLine:
    pick = Pick(quantity, code="P003", damaged=damaged)
    await step(doors.database, staff, task, picking.pick_line, pick=pick)
    (line,) = await lines(doors.database, task)
    return line


async def test_a_damaged_unit_is_replaced_by_another(doors: Doors, city: City) -> None:
    database, eggs = doors.database, city.products[2].id
    task, staff = await accepted(doors, city, await paid(doors, city, 2, EGGS))
    line = await say(doors, staff, task, 2, damaged=1)
    assert (line.status, line.damaged_quantity) == (FulfillmentLineStatus.FOUND, 1)
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    assert await unexplained(database, city) == []
    await step(database, staff, task, picking.pack, bags=1)
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    assert await unexplained(database, city) == []


async def test_a_line_may_be_short_by_what_is_damaged(doors: Doors, city: City) -> None:
    database, eggs = doors.database, city.products[2].id
    order = await paid(doors, city, 2, EGGS)
    task, staff = await accepted(doors, city, order)
    line = await say(doors, staff, task, 1, damaged=1)
    assert (line.status, line.missing_quantity) == (FulfillmentLineStatus.SHORT, 1)
    assert (line.unfit_quantity, line.lost_quantity) == (1, 0)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    # Another one is found after all: it is one of those that nobody was promised.
    line = await say(doors, staff, task, 2)
    assert line.status is FulfillmentLineStatus.FOUND
    assert await counters(database, city.near, eggs) == (47, 0, 1, 0)
    await say(doors, staff, task, 0)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    await say(doors, staff, task, 1)
    await step(database, staff, task, picking.pack, bags=1)
    assert await counters(database, city.near, eggs) == (48, 0, 1, 0)
    async with database.read(PLATFORM) as session:
        wanted = (await payment_of(session, order)).capture_wanted_minor
    assert wanted == order.total_minor - city.first.prices[2]
    assert await unexplained(database, city) == []


@pytest.mark.parametrize("quantity", [1, 2])
async def test_a_canceled_order_gives_back_only_what_is_fit(
    quantity: int, doors: Doors, city: City
) -> None:
    database, eggs = doors.database, city.products[2].id
    await receive(database, city.near, Received(eggs, 3, "soon", day(1)))
    order = await paid(doors, city, 2, EGGS)
    task, staff = await accepted(doors, city, order)
    await say(doors, staff, task, quantity, damaged=1)
    async with database.write(PLATFORM, ORIGIN) as session:
        await fulfillments.cancel_for(session, await session.get_one(Order, order.id))
    assert await counters(database, city.near, eggs) == (52, 0, 1, 0)
    assert (await batches_of(database, city.near, eggs))["soon"][:2] == (2, 1)
    assert await unexplained(database, city) == []


async def test_what_others_were_promised_replaces_nothing(doors: Doors, city: City) -> None:
    database, eggs = doors.database, city.products[2].id
    await paid(doors, city, 48, EGGS)
    task, staff = await accepted(doors, city, await paid(doors, city, 2, EGGS))
    assert await counters(database, city.near, eggs) == (0, 0, 0, 0)
    pick = Pick(2, code="P003", damaged=1)
    reason = await refused(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(reason, InsufficientStock)
    assert reason.available == 0
    await say(doors, staff, task, 1, damaged=1)
    assert await counters(database, city.near, eggs) == (0, 0, 1, 0)
    for damaged in (-1, 100):
        pick = Pick(1, code="P003", damaged=damaged)
        reason = await refused(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(reason, InvalidInput)
        assert reason.path == ["input", "damagedQuantity"]
    assert await unexplained(database, city) == []


async def test_the_walk_ends_where_it_is_coldest(doors: Doors, city: City) -> None:
    database = doors.database
    milk, bread, eggs = (product.id for product in city.products[:3])
    async with database.write(PLATFORM, ORIGIN) as session:
        for key, zone in ((milk, TemperatureZone.FROZEN), (bread, TemperatureZone.CHILLED)):
            (await session.get_one(Product, key)).temperature_zone = zone
    task, _ = await accepted(doors, city, await paid(doors, city))
    walk = [(line.temperature_zone, line.product_id) for line in await lines(database, task)]
    last = [(TemperatureZone.CHILLED, bread), (TemperatureZone.FROZEN, milk)]
    assert walk == [(TemperatureZone.AMBIENT, eggs), *last]
