"""A file of totals tells the units at a moment: what has moved since then is kept."""

from datetime import timedelta

import pytest

from database.scope import PLATFORM
from models.fulfillment import FulfillmentRejectReason
from models.imports import ErrorPolicy, StockImportMode, StockImportStatus
from models.stock import StockLevel, StockMovementReason
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput
from services.fulfillment import picking, rerouting
from services.stock import stock_writer
from services.stock.receiving import StockReceiptLine
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
    unexplained_stock,
)
from tests.support.stock.batches import day, receive
from tests.support.stock.import_runner import ImportRunner, stock_file
from tests.support.store_staff import accept_task, run_step


async def move(
    runner: ImportRunner, units: int, reason: StockMovementReason = StockMovementReason.POS_SALE
) -> None:
    """Move units of the first product in the nearest store."""
    key = (runner.city.near.id, runner.city.products[0].id)
    async with runner.database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(StockLevel, key, with_for_update=True)
        cause = stock_writer.MovementCause(reason, "", None)
        stock_writer.record_movement(session, row, cause, units)


@pytest.mark.parametrize("policy", ErrorPolicy)
async def test_a_file_of_totals_keeps_what_was_sold_since_it_was_sent(
    runner: ImportRunner, policy: ErrorPolicy
) -> None:
    """A count of 40 is sent, 3 are sold before the worker applies it: 37 are left, not 40."""
    row = await runner.start(stock_file("S1,P001,40", "S1,P002,9"), policy)
    await move(runner, -3)
    assert (await runner.finish(row)).status is StockImportStatus.COMPLETED
    assert await runner.on_hand(0, 1) == [37, 9]
    assert await unexplained_stock(runner.database, runner.city) == []


@pytest.mark.leaves("StockImport.APPLYING")
async def test_a_file_of_totals_may_be_of_an_earlier_time(runner: ImportRunner) -> None:
    """The file was written before the sale and sent after it."""
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    await move(runner, -3)
    row = await runner.run(stock_file("S1,P001,40"), as_of=as_of)
    assert (row.status, row.as_of) == (StockImportStatus.COMPLETED, as_of)
    assert await runner.on_hand(0) == [37]
    assert (await runner.run(stock_file("S1,P001,40"))).status is StockImportStatus.COMPLETED
    assert await runner.on_hand(0) == [40]


async def test_goods_of_every_kind_are_kept_and_corrections_are_replaced(
    runner: ImportRunner,
) -> None:
    """A count after the time of the file said what the file says too: it counts only once."""
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    await move(runner, 12, StockMovementReason.RECEIPT)
    await move(runner, -5, StockMovementReason.COUNT)
    await move(runner, -1, StockMovementReason.ADJUSTMENT)
    await runner.run(stock_file("S1,P001,6"), mode=StockImportMode.ADD)
    await runner.run(stock_file("S1,P001,44"), as_of=as_of)
    assert await runner.on_hand(0) == [44 + 12 + 6]
    await runner.run(stock_file("S1,P001,40"), as_of=as_of)
    assert await runner.on_hand(0) == [40 + 12 + 6]


async def test_what_a_rejection_took_off_sale_is_replaced(
    runner: ImportRunner, dependencies: OrderDependencies
) -> None:
    """A file says 30; then a store rejects an order as out of stock, and all 50 go off sale.

    The file subtracted those 50 from its 30 as if they had been carried away, and failed.
    """
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    order = await place_paid_order(dependencies, runner.city, 4, (0,))
    (task,) = await fulfillments_of(runner.database, order)
    staff = await create_picker(runner.database, runner.city.near)
    missing = FulfillmentRejectReason.OUT_OF_STOCK
    await run_step(runner.database, staff, task, rerouting.reject, reason=missing)
    assert await runner.on_hand(0) == [0]
    row = await runner.run(stock_file("S1,P001,30"), as_of=as_of)
    assert row.status is StockImportStatus.COMPLETED
    assert await runner.on_hand(0) == [30]
    assert await unexplained_stock(runner.database, runner.city) == []


@pytest.mark.parametrize("found", [0, 1, 4])
async def test_what_a_picker_does_not_find_changes_no_total(
    runner: ImportRunner, dependencies: OrderDependencies, found: int
) -> None:
    """Four are sold, a file says 40, and then the picker packs the order without some of them.

    They were sold before the file, so none of its 40 are missing.
    """
    order = await place_paid_order(dependencies, runner.city, 4, (0, 1))
    task, staff = await accept_task(dependencies, runner.city, order)
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    for line, units in zip(await lines_of(runner.database, task), (found, 4), strict=True):
        pick = picking.LinePick(units, line.id)
        await run_step(runner.database, staff, task, picking.pick_line, pick=pick)
    await run_step(runner.database, staff, task, picking.pack, bags=1)
    await runner.run(stock_file("S1,P001,40"), as_of=as_of)
    assert await runner.on_hand(0) == [40]
    assert await unexplained_stock(runner.database, runner.city) == []


async def test_batches_lose_what_a_file_of_an_earlier_time_misses(runner: ImportRunner) -> None:
    """The units that leave the batches with the import are not subtracted once more."""
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    product = runner.city.products[0].id
    line = StockReceiptLine(product, 10, "soon", day(3))
    await receive(runner.database, runner.city.near, line)
    await move(runner, -4)
    await runner.run(stock_file("S1,P001,30"), as_of=as_of)
    assert await runner.on_hand(0) == [30 + 10 - 4]
    assert await unexplained_stock(runner.database, runner.city) == []


async def test_more_units_sold_since_then_than_the_file_has_are_a_bad_row(
    runner: ImportRunner,
) -> None:
    """The file says two and three were sold since: its count was wrong, and not minus one."""
    row = await runner.start(stock_file("S1,P001,2", "S1,P002,9"), ErrorPolicy.SKIP_INVALID)
    await move(runner, -3)
    row = await runner.finish(row)
    assert (row.processed_row_count, row.failed_row_count) == (1, 1)
    assert await runner.on_hand(0, 1) == [47, 9]


@pytest.mark.parametrize("days", [-1, 8])
async def test_a_file_of_an_impossible_time_is_refused(runner: ImportRunner, days: int) -> None:
    """A file of tomorrow, or of last year, would undo sales that it can't know of."""
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session) - timedelta(days=days)
    with pytest.raises(DomainError) as caught:
        await runner.start(stock_file("S1,P001,40"), as_of=as_of)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "asOf"]


async def test_units_to_add_have_no_time(runner: ImportRunner) -> None:
    """Adding ten is ten whenever the file was written; a time would change nothing."""
    async with runner.database.read(PLATFORM) as session:
        as_of = await current_time(session)
    with pytest.raises(DomainError):
        await runner.start(stock_file("S1,P001,4"), mode=StockImportMode.ADD, as_of=as_of)
    await runner.run(stock_file("S1,P001,4"), mode=StockImportMode.ADD)
    assert await runner.on_hand(0) == [54]
