"""Batches of orders: picked, returned and recalled."""

import asyncio
from typing import Any

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason
from models.stock import (
    BatchRecall,
    BatchStatus,
    PickedBatch,
    StockBatch,
    StockMovement,
    StockMovementReason,
)
from services.checkout import cancellation
from services.core.problems import InvalidInput, NotFound
from services.fulfillment import picking, put_back
from services.fulfillment.picking import LinePick
from services.fulfillment.put_back import PutBackCount
from services.stock import recalls
from services.stock.picked_batches import BatchNotSellable
from services.stock.receiving import StockReceiptLine
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    place_paid_order,
    unexplained_stock,
    write_as,
)
from tests.support.stock.batches import batches_of, counters, day, receive, refusals_of
from tests.support.store_staff import accept_task, put_back_lines_of, refusal_of_step, run_step

MILK = (0,)


async def admin(database: Database, city: City) -> Actor:
    return (await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


async def recall_batch(
    database: Database, city: City, code: str, actor: Actor | None = None, **more: Any
) -> BatchRecall:
    actor = actor or await admin(database, city)
    arguments = {"product_id": city.products[0].id, "reason": "glass", **more}
    async with write_as(database, actor, city.company.id) as session:
        return await recalls.recall(
            session, actor=actor, company_id=city.company.id, batch_code=code, **arguments
        )


async def picked_of_order(database: Database, order: Order) -> dict[str, int]:
    """The units that an order has picked from each batch, by batch code."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(StockBatch.code, PickedBatch.quantity)
            .join(PickedBatch, PickedBatch.batch_id == StockBatch.id)
            .where(PickedBatch.order_id == order.id, PickedBatch.quantity > 0)
        )
        return dict(rows.all())


async def pick_line(
    dependencies: OrderDependencies,
    staff: Actor,
    task: Fulfillment,
    quantity: int,
    batch: str | None = None,
) -> Fulfillment:
    pick = LinePick(quantity, code="P001", batch_code=batch)
    return await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)


async def test_batches_that_expire_first_are_picked_first_and_returned_last(
    dependencies: OrderDependencies, city: City
) -> None:
    database, milk, near = dependencies.database, city.products[0].id, city.near
    await receive(
        database,
        near,
        StockReceiptLine(milk, 2, "soon", day(1)),
        StockReceiptLine(milk, 5, "late", day(8)),
    )
    order = await place_paid_order(dependencies, city, 4, MILK)
    assert await counters(database, near, milk) == (53, 0, 0, 0)
    assert (await batches_of(database, near, milk))["soon"][0] == 2  # sold, not picked yet
    task, staff = await accept_task(dependencies, city, order)
    await pick_line(dependencies, staff, task, 4)
    assert await picked_of_order(database, order) == {"soon": 2, "late": 2}
    await pick_line(dependencies, staff, task, 3)
    assert await picked_of_order(database, order) == {"soon": 2, "late": 1}
    await pick_line(dependencies, staff, task, 3, "late")
    assert await picked_of_order(database, order) == {"late": 3}
    assert await unexplained_stock(database, city) == []
    await run_step(database, staff, task, picking.pack, bags=1)
    # The unit that was not found is missing from the batch that expires first.
    assert await batches_of(database, near, milk) == {
        "soon": (1, 0, BatchStatus.OPEN),
        "late": (2, 0, BatchStatus.OPEN),
    }
    assert await counters(database, near, milk) == (53, 0, 0, 0)
    async with database.read(PLATFORM) as session:
        written = await session.execute(
            select(StockMovement.reason, StockMovement.batch_delta).where(
                StockMovement.reference == str(order.id), StockMovement.batch_delta != 0
            )
        )
        assert (StockMovementReason.PICK, -2) in [tuple(row) for row in written]
    assert await unexplained_stock(database, city) == []


async def test_units_of_a_canceled_order_return_to_their_batches(
    dependencies: OrderDependencies, city: City
) -> None:
    database, milk, near = dependencies.database, city.products[0].id, city.near
    await receive(database, near, StockReceiptLine(milk, 2, "A", day(1)))
    order = await place_paid_order(dependencies, city, 4, MILK)
    task, staff = await accept_task(dependencies, city, order)
    await pick_line(dependencies, staff, task, 4)
    await run_step(database, staff, task, picking.pack, bags=1)
    assert await picked_of_order(database, order) == {"A": 2}
    async with database.write(PLATFORM, ORIGIN) as session:
        agent = Actor(staff.person_id, grants=(Grant(Role.SUPER_ADMIN),))
        why = OrderCancelReason.OTHER
        await cancellation.cancel_order(session, actor=agent, order_id=order.id, reason=why)
    counts = [
        PutBackCount(line.id, line.quantity) for line in await put_back_lines_of(database, task)
    ]
    await run_step(database, staff, task, put_back.confirm, counts=counts)
    assert await batches_of(database, near, milk) == {"A": (2, 0, BatchStatus.OPEN)}
    assert await counters(database, near, milk) == (52, 0, 0, 0)
    assert await unexplained_stock(database, city) == []


async def test_a_named_batch_must_have_the_units(
    dependencies: OrderDependencies, city: City
) -> None:
    database, milk = dependencies.database, city.products[0].id
    order = await place_paid_order(dependencies, city, 3, MILK)
    task, staff = await accept_task(dependencies, city, order)
    for code in ("A", "", "x" * 65):
        pick = LinePick(1, code="P001", batch_code=code)
        problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(problem, InvalidInput)
        assert problem.path == ["input", "batchCode"]
    await receive(database, city.near, StockReceiptLine(milk, 2, "A"))
    for quantity, code in ((3, "A"), (1, "B")):
        pick = LinePick(quantity, code="P001", batch_code=code)
        problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(problem, InvalidInput)
    await pick_line(dependencies, staff, task, 2, "A")
    assert await picked_of_order(database, order) == {"A": 2}


async def test_concurrent_picks_never_exceed_the_units_of_a_batch(
    dependencies: OrderDependencies,
) -> None:
    city = await cities.build_city(dependencies.database, on_hand=0)
    database, milk, near = dependencies.database, city.products[0].id, city.near
    await receive(
        database, near,
        StockReceiptLine(milk, 7, "A", day(1)), StockReceiptLine(milk, 3, "B", day(2)),
        *(StockReceiptLine(product.id, 1) for product in city.products[1:]),
    )  # fmt: skip
    orders = [await place_paid_order(dependencies, city, 5, MILK) for _ in range(2)]
    tasks = [await accept_task(dependencies, city, order) for order in orders]
    await asyncio.gather(*(pick_line(dependencies, staff, task, 5) for task, staff in tasks))
    picked = [await picked_of_order(database, order) for order in orders]
    assert sorted(map(sorted, picked)) == [["A"], ["A", "B"]]
    assert await batches_of(database, near, milk) == {
        "A": (0, 0, BatchStatus.OPEN),
        "B": (0, 0, BatchStatus.OPEN),
    }
    assert await unexplained_stock(database, city) == []


async def test_a_recall_stops_a_batch_and_lists_the_orders_that_received_it(
    dependencies: OrderDependencies,
) -> None:
    city = await cities.build_city(dependencies.database, on_hand=0)
    database, milk, near = dependencies.database, city.products[0].id, city.near
    for store in (near, city.next):
        await receive(database, store, StockReceiptLine(milk, 10, "A", day(5)))
    first, second = [await place_paid_order(dependencies, city, 3, MILK) for _ in range(2)]
    task, staff = await accept_task(dependencies, city, first)
    await pick_line(dependencies, staff, task, 3)
    owner = await admin(database, city)
    row = await recall_batch(database, city, "A", owner)
    assert (await recall_batch(database, city, "A", owner)).id == row.id
    # Of ten units, three are picked, three are sold and not picked, four are set aside.
    assert await counters(database, near, milk) == (0, 0, 4, 0)
    assert await batches_of(database, near, milk) == {"A": (3, 4, BatchStatus.RECALLED)}
    assert await counters(database, city.next, milk) == (0, 0, 10, 0)
    async with database.read(owner.scope()) as session:
        page = await recalls.list_orders(session, actor=owner, row=row, first=10, cursor=None)
    assert [(order.order_id, order.quantity) for order in page.nodes] == [(first.id, 3)]
    task, staff = await accept_task(dependencies, city, second)
    for code in (None, "A"):
        pick = LinePick(1, code="P001", batch_code=code)
        problem = await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(problem, BatchNotSellable)
        assert problem.status is BatchStatus.RECALLED
    await pick_line(dependencies, staff, task, 0)
    await run_step(database, staff, task, picking.pack, bags=1)
    assert await batches_of(database, near, milk) == {"A": (0, 7, BatchStatus.RECALLED)}
    await receive(database, near, StockReceiptLine(milk, 2, "A"))
    assert await counters(database, near, milk) == (0, 0, 9, 0)
    assert await unexplained_stock(database, city) == []


async def test_only_the_company_of_the_product_recalls_its_batches(
    database: Database, city: City
) -> None:
    (stranger,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    staff = await create_picker(database, city.near)
    for actor, changes in (
        (stranger, {}),
        (staff, {}),
        (await admin(database, city), {"product_id": city.second.products[0].id}),
    ):
        (problem,) = await refusals_of(recall_batch(database, city, "A", actor, **changes))
        assert isinstance(problem, NotFound)
    (problem,) = await refusals_of(recall_batch(database, city, ""))
    assert isinstance(problem, InvalidInput)
