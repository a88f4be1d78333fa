"""Picked units of ended tasks are counted by a person before the stock changes."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.fulfillment import (
    Fulfillment,
    FulfillmentRejectReason,
    FulfillmentStatus,
    PutBackReason,
    PutBackWasteReason,
)
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason, OrderStatus
from models.stock import StockMovement, StockMovementReason
from services.checkout import cancellation
from services.core.problems import InvalidInput, InvalidTransition, NotFound
from services.fulfillment import fulfillments, give_back, picking, put_back, rerouting
from services.fulfillment.picking import LinePick
from services.fulfillment.put_back import PutBackCount
from services.stock import recalls
from services.stock.receiving import StockReceiptLine
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
    write_as,
)
from tests.support.stock.batches import batches_of, counters, day, receive
from tests.support.store_staff import (
    accept_task,
    make_overdue,
    on_hand,
    put_back_everything,
    put_back_lines_of,
    refusal_of_step,
    run_step,
)

REJECTED, TIMED_OUT = FulfillmentStatus.REJECTED, FulfillmentStatus.TIMED_OUT
TOO_WARM = PutBackWasteReason.TOO_WARM


async def cancel(database: Database, order: Order) -> None:
    """Cancel an order as support."""
    async with database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(Order, order.id)
        await fulfillments.cancel_for_order(session, row)


async def picked_order(
    dependencies: OrderDependencies, city: City, quantity: int = 2
) -> tuple[Order, Fulfillment, Actor]:
    """An order of three products, of which the first is picked."""
    order = await place_paid_order(dependencies, city, quantity)
    task, staff = await accept_task(dependencies, city, order)
    pick = LinePick(quantity, code="P001")
    await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    return order, task, staff


async def reasons_of(database: Database, order: Order) -> list[tuple[StockMovementReason, int]]:
    """The ledger rows of an order that changed on_hand, the oldest first."""
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(StockMovement.reason, StockMovement.on_hand_delta)
            .where(StockMovement.reference == str(order.id), StockMovement.on_hand_delta != 0)
            .order_by(StockMovement.id)
        )
        return [(reason, delta) for reason, delta in rows]


async def test_the_bags_of_an_order_canceled_after_packing_are_put_back_by_a_person(
    dependencies: OrderDependencies, city: City
) -> None:
    """An order is canceled after packing: its bags stand in the store.

    The books used to take the units back at once, while the shelf had not got them: the next
    customer bought units that nobody could find. Now they stay sold until somebody has counted.
    """
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    await riders.pick_and_pack(dependencies, task, staff)
    agent = await riders.create_support_agent(database, city)
    async with write_as(database, agent, order.company_id) as session:
        await cancellation.cancel_order(
            session, actor=agent, order_id=order.id, reason=OrderCancelReason.OTHER
        )
    (canceled,) = await fulfillments_of(database, order)
    assert canceled.status is FulfillmentStatus.CANCELED
    assert canceled.put_back_reason is PutBackReason.ORDER_CANCELED
    assert await on_hand(database, city.near, city, 0) == 48
    lines = await put_back_lines_of(database, task)
    assert [(line.name, line.quantity) for line in lines] == [
        (line.name, 2) for line in await lines_of(database, task)
    ]
    assert await unexplained_stock(database, city) == []
    done = await put_back_everything(database, staff, task)
    assert (done.status, done.put_back_by_id) == (FulfillmentStatus.PUT_BACK, staff.person_id)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained_stock(database, city) == []


async def test_unpicked_units_go_on_sale_at_once_and_picked_ones_wait(
    dependencies: OrderDependencies, city: City
) -> None:
    """An order is canceled while the picker has one of three products in the bag."""
    database = dependencies.database
    order, task, _ = await picked_order(dependencies, city)
    await cancel(database, order)
    assert await on_hand(database, city.near, city, 0) == 48
    assert await on_hand(database, city.near, city, 1) == 50
    assert [line.quantity for line in await put_back_lines_of(database, task)] == [2]
    assert await unexplained_stock(database, city) == []


async def test_a_task_of_which_nothing_was_picked_has_nothing_to_put_back(
    dependencies: OrderDependencies, city: City
) -> None:
    """An order is canceled while it waits in the queue: all units go on sale at once."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    await cancel(database, order)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await put_back_lines_of(database, task) == []
    problem = await refusal_of_step(database, staff, task, put_back.confirm, counts=[])
    assert isinstance(problem, InvalidTransition)
    assert await unexplained_stock(database, city) == []


async def test_wasted_and_missing_units_are_written_off_from_their_batches(
    dependencies: OrderDependencies, city: City
) -> None:
    """Of five picked units two are too warm, one is gone, and the rest goes back to its batch."""
    database, milk = dependencies.database, city.products[0].id
    await receive(
        database,
        city.near,
        StockReceiptLine(milk, 3, "soon", day(1)),
        StockReceiptLine(milk, 4, "late", day(9)),
    )
    order, task, staff = await picked_order(dependencies, city, 5)
    assert (await batches_of(database, city.near, milk))["late"][0] == 2
    await cancel(database, order)
    lines = {line.quantity: line for line in await put_back_lines_of(database, task)}
    assert set(lines) == {3, 2}
    counts = [
        PutBackCount(lines[3].id, 1, 1, 1, TOO_WARM),
        PutBackCount(lines[2].id, 1, 1, 0, TOO_WARM),
    ]
    await run_step(database, staff, task, put_back.confirm, counts=counts)
    batches = await batches_of(database, city.near, milk)
    assert (batches["soon"][0], batches["late"][0]) == (1, 3)
    assert await on_hand(database, city.near, city, 0) == 57 - 5 + 2
    written_off = sorted(why for why, delta in await reasons_of(database, order) if delta == -1)
    assert written_off == [
        StockMovementReason.PICK_SHORTAGE,
        StockMovementReason.WASTE,
        StockMovementReason.WASTE,
    ]
    assert await unexplained_stock(database, city) == []


async def test_units_of_a_batch_that_was_recalled_meanwhile_are_set_aside(
    dependencies: OrderDependencies, city: City
) -> None:
    """A batch is recalled while its units wait in the bags of a canceled order."""
    database, milk = dependencies.database, city.products[0].id
    await receive(database, city.near, StockReceiptLine(milk, 2, "bad", day(5)))
    order, task, staff = await picked_order(dependencies, city, 2)
    await cancel(database, order)
    grant = Grant(Role.COMPANY_ADMIN, order.company_id)
    (admin,) = await create_people(database, 1, grant)
    async with write_as(database, admin, order.company_id) as session:
        await recalls.recall(
            session,
            actor=admin,
            company_id=order.company_id,
            product_id=milk,
            batch_code="bad",
            reason="Glass",
        )
    await put_back_everything(database, staff, task)
    assert await counters(database, city.near, milk) == (50, 0, 2, 0)
    assert (await batches_of(database, city.near, milk))["bad"][:2] == (0, 2)
    assert await unexplained_stock(database, city) == []


async def test_every_unit_of_every_line_has_to_be_counted_once(
    dependencies: OrderDependencies, city: City
) -> None:
    """Somebody forgets a line, counts one twice, or gives other numbers than lie in the bags."""
    database = dependencies.database
    order, task, staff = await picked_order(dependencies, city)
    await cancel(database, order)
    (line,) = await put_back_lines_of(database, task)
    refused: list[list[PutBackCount]] = [
        [],
        [PutBackCount(line.id, 1)],
        [PutBackCount(line.id, 3)],
        [PutBackCount(line.id, 3, 0, -1)],
        [PutBackCount(line.id, 1, 1)],
        [PutBackCount(line.id, 2, 0, 0, TOO_WARM)],
        [PutBackCount(task.id, 2)],
        [PutBackCount(line.id, 2), PutBackCount(line.id, 2)],
    ]
    for counts in refused:
        problem = await refusal_of_step(database, staff, task, put_back.confirm, counts=counts)
        assert isinstance(problem, InvalidInput), counts
    assert await on_hand(database, city.near, city, 0) == 48
    stranger = await create_picker(database, city.next)
    counts = [PutBackCount(line.id, 2)]
    problem = await refusal_of_step(database, stranger, task, put_back.confirm, counts=counts)
    assert isinstance(problem, NotFound)
    await run_step(database, staff, task, put_back.confirm, counts=counts)
    problem = await refusal_of_step(database, staff, task, put_back.confirm, counts=counts)
    assert isinstance(problem, InvalidTransition)


async def test_the_list_of_a_store_has_the_open_put_backs_only(
    dependencies: OrderDependencies, city: City
) -> None:
    """The store's staff looks for bags that have to be put back."""
    database = dependencies.database
    tasks = [await picked_order(dependencies, city) for _ in range(3)]
    for order, _, _ in tasks[:2]:
        await cancel(database, order)
    await put_back_everything(database, tasks[0][2], tasks[0][1])
    staff = tasks[0][2]
    async with write_as(database, staff, city.company.id) as session:
        page = await fulfillments.open_put_backs(
            session, actor=staff, store_id=city.near.id, first=5, cursor=None
        )
    assert [one.order_id for one in page.nodes] == [tasks[1][0].id]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(REJECTED, marks=pytest.mark.leaves("Fulfillment.REJECTED")),
        pytest.param(TIMED_OUT, marks=pytest.mark.leaves("Fulfillment.TIMED_OUT")),
    ],
)
async def test_a_task_given_back_leaves_its_picked_units_at_the_first_store(
    dependencies: OrderDependencies, city: City, end: FulfillmentStatus
) -> None:
    """A picker gives a task back half picked; the store then rejects the order, or nobody goes on.

    The second store gets all of it; the first one has the picked units to put back.
    """
    database = dependencies.database
    order, task, staff = await picked_order(dependencies, city)
    await run_step(database, staff, task, give_back.give_back)
    if end is REJECTED:
        busy = FulfillmentRejectReason.TOO_BUSY
        await run_step(database, staff, task, rerouting.reject, reason=busy)
    else:
        await make_overdue(database, task)
        await jobs.time_out_acceptances(database)
    first, second = await fulfillments_of(database, order)
    assert (first.status, first.put_back_is_open) == (end, True)
    assert first.put_back_reason is PutBackReason.MOVED_TO_ANOTHER_STORE
    assert second.status is FulfillmentStatus.QUEUED
    assert (await reload_order(database, order)).status is OrderStatus.CONFIRMED
    assert await on_hand(database, city.near, city, 0) == 48
    assert await on_hand(database, city.near, city, 1) == 50
    assert await on_hand(database, city.next, city, 0) == 48
    assert await unexplained_stock(database, city) == []
    done = await put_back_everything(database, staff, first)
    assert done.status is FulfillmentStatus.PUT_BACK
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 48
    assert await unexplained_stock(database, city) == []
