"""Batches while orders flow: what pickers take, what comes back, and what a recall stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import stock
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.orders import CancelReason, Order
from models.stock import (
    BatchRecall,
    BatchStatus,
    PickedBatch,
    StockBatch,
    StockEntry,
    StockReason,
    WasteSource,
)
from services import checkout
from services.core.problems import InvalidInput, NotFound
from services.fulfillment import picking
from services.fulfillment.picking import Pick
from services.stock import expiring_batches, recalls
from services.stock.picked_batches import BatchFrozen
from services.stock.receiving import Received
from tests.services.stock.test_batches import against, batches_of, counters, day, receive, ship
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import Doors, opened, paid, picker, unexplained, working
from tests.support.store_staff import accepted, refused, step

MILK = (0,)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def admin(database: Database, city: City) -> Actor:
    return (await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


async def recalled(
    database: Database, city: City, code: str, actor: Actor | None = None, **more: Any
) -> BatchRecall:
    actor = actor or await admin(database, city)
    given = {"product_id": city.products[0].id, "reason": "glass", **more}
    async with working(database, actor, city.company.id) as session:
        return await recalls.recall(
            session, actor=actor, company_id=city.company.id, batch_code=code, **given
        )


async def got(database: Database, order: Order) -> dict[str, int]:
    """What an order has of each batch."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(StockBatch.code, PickedBatch.quantity)
            .join(PickedBatch, PickedBatch.batch_id == StockBatch.id)
            .where(PickedBatch.order_id == order.id, PickedBatch.quantity > 0)
        )
        return dict(rows.all())


async def pick(
    doors: Doors, staff: Actor, task: Fulfillment, quantity: int, batch: str | None = None
) -> Fulfillment:
    found = Pick(quantity, code="P001", batch_code=batch)
    return await step(doors.database, staff, task, picking.pick_line, pick=found)


async def test_a_picker_takes_what_expires_first_and_gives_it_back(
    doors: Doors, city: City
) -> None:
    database, milk, near = doors.database, city.products[0].id, city.near
    await receive(
        database, near, Received(milk, 2, "soon", day(1)), Received(milk, 5, "late", day(8))
    )
    order = await paid(doors, city, 4, MILK)
    assert await counters(database, near, milk) == (53, 0, 0, 0)
    assert (await batches_of(database, near, milk))["soon"][0] == 2  # sold, not picked yet
    task, staff = await accepted(doors, city, order)
    await pick(doors, staff, task, 4)
    assert await got(database, order) == {"soon": 2, "late": 2}
    await pick(doors, staff, task, 3)
    assert await got(database, order) == {"soon": 2, "late": 1}
    await pick(doors, staff, task, 3, "late")
    assert await got(database, order) == {"late": 3}
    assert await unexplained(database, city) == []
    await step(database, staff, task, picking.pack, bags=1)
    # The unit that was not found is missing from what expires first.
    assert await batches_of(database, near, milk) == {
        "soon": (1, 0, BatchStatus.OPEN),
        "late": (2, 0, BatchStatus.OPEN),
    }
    assert await counters(database, near, milk) == (53, 0, 0, 0)
    async with database.read(PLATFORM) as session:
        written = await session.execute(
            select(StockEntry.reason, StockEntry.batch_delta).where(
                StockEntry.reference == str(order.id), StockEntry.batch_delta != 0
            )
        )
        assert (StockReason.PICK, -2) in [tuple(row) for row in written]
    assert await unexplained(database, city) == []


async def test_bags_of_a_canceled_order_go_back_into_their_batches(
    doors: Doors, city: City
) -> None:
    database, milk, near = doors.database, city.products[0].id, city.near
    await receive(database, near, Received(milk, 2, "A", day(1)))
    order = await paid(doors, city, 4, MILK)
    task, staff = await accepted(doors, city, order)
    await pick(doors, staff, task, 4)
    await step(database, staff, task, picking.pack, bags=1)
    assert await got(database, order) == {"A": 2}
    async with database.write(PLATFORM, ORIGIN) as session:
        agent = Actor(order.customer_id, grants=(Grant(Role.SUPER_ADMIN),))
        why = CancelReason.OTHER
        await checkout.cancel_order(session, actor=agent, order_id=order.id, reason=why)
    assert await got(database, order) == {}
    assert await batches_of(database, near, milk) == {"A": (2, 0, BatchStatus.OPEN)}
    assert await counters(database, near, milk) == (52, 0, 0, 0)
    assert await unexplained(database, city) == []


async def test_a_named_batch_has_to_be_there(doors: Doors, city: City) -> None:
    database, milk = doors.database, city.products[0].id
    order = await paid(doors, city, 3, MILK)
    task, staff = await accepted(doors, city, order)
    for code in ("A", "", "x" * 65):
        found = Pick(1, code="P001", batch_code=code)
        reason = await refused(database, staff, task, picking.pick_line, pick=found)
        assert isinstance(reason, InvalidInput)
        assert reason.path == ["input", "batchCode"]
    await receive(database, city.near, Received(milk, 2, "A"))
    for quantity, code in ((3, "A"), (1, "B")):
        found = Pick(quantity, code="P001", batch_code=code)
        reason = await refused(database, staff, task, picking.pick_line, pick=found)
        assert isinstance(reason, InvalidInput)
    await pick(doors, staff, task, 2, "A")
    assert await got(database, order) == {"A": 2}


async def test_pickers_at_one_batch_never_take_more_than_it_has(doors: Doors) -> None:
    city = await cities.build(doors.database, on_hand=0)
    database, milk, near = doors.database, city.products[0].id, city.near
    await receive(
        database, near, Received(milk, 7, "A", day(1)), Received(milk, 3, "B", day(2)),
        *(Received(one.id, 1) for one in city.products[1:]),
    )  # fmt: skip
    orders = [await paid(doors, city, 5, MILK) for _ in range(2)]
    tasks = [await accepted(doors, city, order) for order in orders]
    await asyncio.gather(*(pick(doors, staff, task, 5) for task, staff in tasks))
    taken = [await got(database, order) for order in orders]
    assert sorted(map(sorted, taken)) == [["A"], ["A", "B"]]
    assert await batches_of(database, near, milk) == {
        "A": (0, 0, BatchStatus.OPEN),
        "B": (0, 0, BatchStatus.OPEN),
    }
    assert await unexplained(database, city) == []


async def test_a_recall_stops_a_batch_and_names_who_got_it(doors: Doors) -> None:
    city = await cities.build(doors.database, on_hand=0)
    database, milk, near = doors.database, city.products[0].id, city.near
    for store in (near, city.next):
        await receive(database, store, Received(milk, 10, "A", day(5)))
    first, second = [await paid(doors, city, 3, MILK) for _ in range(2)]
    task, staff = await accepted(doors, city, first)
    await pick(doors, staff, task, 3)
    boss = await admin(database, city)
    row = await recalled(database, city, "A", boss)
    assert (await recalled(database, city, "A", boss)).id == row.id
    # Of ten, three are in a bag, three are sold and wait, four are set aside.
    assert await counters(database, near, milk) == (0, 0, 4, 0)
    assert await batches_of(database, near, milk) == {"A": (3, 4, BatchStatus.RECALLED)}
    assert await counters(database, city.next, milk) == (0, 0, 10, 0)
    async with database.read(boss.scope()) as session:
        page = await recalls.orders(session, actor=boss, row=row, first=10, cursor=None)
    assert [(one.order_id, one.quantity) for one in page.nodes] == [(first.id, 3)]
    task, staff = await accepted(doors, city, second)
    for code in (None, "A"):
        found = Pick(1, code="P001", batch_code=code)
        reason = await refused(database, staff, task, picking.pick_line, pick=found)
        assert isinstance(reason, BatchFrozen)
        assert reason.status is BatchStatus.RECALLED
    await pick(doors, staff, task, 0)
    await step(database, staff, task, picking.pack, bags=1)
    assert await batches_of(database, near, milk) == {"A": (0, 7, BatchStatus.RECALLED)}
    await receive(database, near, Received(milk, 2, "A"))
    assert await counters(database, near, milk) == (0, 0, 9, 0)
    assert await unexplained(database, city) == []


async def test_a_recall_is_for_the_company_that_has_the_product(
    database: Database, city: City
) -> None:
    (stranger,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    staff = await picker(database, city.near)
    for actor, more in (
        (stranger, {}),
        (staff, {}),
        (await admin(database, city), {"product_id": city.second.products[0].id}),
    ):
        (reason,) = await against(recalled(database, city, "A", actor, **more))
        assert isinstance(reason, NotFound)
    (reason,) = await against(recalled(database, city, ""))
    assert isinstance(reason, InvalidInput)


async def expire(database: Database, city: City, code: str) -> None:
    """Let a batch's last day be yesterday."""
    async with database.write(PLATFORM, ORIGIN) as session:
        here = (StockBatch.store_id == city.near.id) & (StockBatch.code == code)
        await session.execute(update(StockBatch).where(here).values(expires_on=day(-2)))


async def test_what_has_expired_is_taken_out_of_sale(doors: Doors) -> None:
    city = await cities.build(doors.database, on_hand=0)
    database, milk, near = doors.database, city.products[0].id, city.near
    await receive(database, near, Received(milk, 5, "A", day(0)), Received(milk, 1))
    await doors.combiner.hold(city.company.id, near.id, city.products[1].id, {milk: 4}, 60)
    await expire(database, city, "A")
    await stock.set_aside(database)
    assert await counters(database, near, milk) == (4, 4, 2, 0)
    assert await batches_of(database, near, milk) == {"A": (3, 2, BatchStatus.EXPIRED)}
    assert await unexplained(database, city) == []


async def test_what_expires_and_sells_slowly_is_named(doors: Doors, city: City) -> None:
    database, milk, near = doors.database, city.products[0].id, city.near
    await receive(
        database, near, Received(milk, 3, "A", day(1)), Received(milk, 20, "B", day(6)),
        Received(milk, 9, "C", day(60)),
    )  # fmt: skip
    await ship(database, near, {city.products[1].id: 1})
    await paid(doors, city, 14, MILK)
    staff = await picker(database, near)
    more: Any = {"actor": staff, "store_id": near.id, "within_days": 9}
    async with database.read(staff.scope()) as session:
        one = await expiring_batches.expiring(session, first=1, cursor=None, **more)
        rest = await expiring_batches.expiring(
            session, first=5, cursor=one.page_info.end_cursor, **more
        )
        slow = await expiring_batches.markdowns(session, first=5, cursor=None, **more)
        beyond = await expiring_batches.markdowns(
            session, first=5, cursor=slow.page_info.end_cursor, **more
        )
    assert [batch.code for batch in one.nodes] == ["A"]
    assert [batch.code for batch in rest.nodes] == ["B"]
    # One unit a day: two of A go in two days, five of B in the five after.
    assert [(one.batch.code, one.daily_sales, one.surplus) for one in slow.nodes] == [
        ("A", 1.0, 1),
        ("B", 1.0, 15),
    ]
    assert beyond.nodes == []


async def test_waste_leaves_the_books_of_its_batch(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await receive(database, near, Received(milk, 5, "A", day(1), 2))
    staff = await picker(database, near)

    async def waste(quantity: int, source: WasteSource, batch: UUID | None = None) -> StockEntry:
        async with working(database, staff, city.company.id) as session:
            return await expiring_batches.waste(
                session, actor=staff, store_id=near.id, product_id=None if batch else milk,
                batch_id=batch, quantity=quantity, source=source, note="moldy",
            )  # fmt: skip

    async with database.read(PLATFORM) as session:
        known = select(StockBatch.id).where(StockBatch.product_id == milk)
        key = (await session.scalars(known)).one()
    await waste(2, WasteSource.SHELF, key)
    await waste(1, WasteSource.SET_ASIDE, key)
    await waste(4, WasteSource.SHELF)
    assert await batches_of(database, near, milk) == {"A": (0, 1, BatchStatus.OPEN)}
    assert await counters(database, near, milk) == (49, 0, 1, 0)
    for asked in (
        (1, WasteSource.SHELF, key),
        (2, WasteSource.SET_ASIDE, key),
        (1, WasteSource.SET_ASIDE),
        (50, WasteSource.SHELF),
        (0, WasteSource.SHELF),
    ):
        (reason,) = await against(waste(*asked))
        assert reason.path == ["input", "quantity"]
    assert await unexplained(database, city) == []
