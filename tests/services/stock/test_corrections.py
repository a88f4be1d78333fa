"""Every reason of a movement says whether goods moved or the books were wrong."""

from collections import Counter

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.fulfillment import FulfillmentRejectReason
from models.orders import Order
from models.stock import StockMovement, StockMovementReason
from services.fulfillment import fulfillments, picking, put_back, rerouting
from services.fulfillment.picking import LinePick
from services.fulfillment.put_back import PutBackCount
from services.stock import corrections
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
)
from tests.support.store_staff import accept_task, put_back_lines_of, run_step

CLASSES = (
    corrections.GOODS,
    frozenset(corrections.SHORTAGES),
    corrections.CORRECTIONS,
    corrections.BY_MODE,
)


@pytest.mark.parametrize("reason", StockMovementReason)
def test_every_reason_is_of_one_class(reason: StockMovementReason) -> None:
    """A new reason is classed before a file of totals or a count meets it."""
    assert sum(reason in each for each in CLASSES) == 1


def test_a_shortage_goes_with_goods() -> None:
    """What is written off as missing was brought into the books by goods."""
    assert corrections.GOODS.issuperset(corrections.SHORTAGES.values())


async def movements_of(
    dependencies: OrderDependencies, city: City
) -> Counter[tuple[StockMovementReason, str]]:
    """The changes of on_hand in the nearest store, by reason and reference."""
    async with dependencies.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(StockMovement).where(StockMovement.store_id == city.near.id)
        )
        units: Counter[tuple[StockMovementReason, str]] = Counter()
        for row in rows:
            units[row.reason, row.reference] += row.on_hand_delta
    return units


async def test_what_a_picker_does_not_find_is_returned_and_lost(
    dependencies: OrderDependencies, city: City
) -> None:
    """Both movements have the order as their reference, and sum to no goods at all."""
    order = await place_paid_order(dependencies, city, 4, (0, 1))
    task, staff = await accept_task(dependencies, city, order)
    for line, found in zip(await lines_of(dependencies.database, task), (1, 4), strict=True):
        pick = LinePick(found, line.id)
        await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    await run_step(dependencies.database, staff, task, picking.pack, bags=1)
    units = await movements_of(dependencies, city)
    key = str(order.id)
    assert units[StockMovementReason.PICK_SHORTAGE, key] == -3
    assert units[StockMovementReason.RESTOCK, key] == 3


async def test_what_is_missing_in_the_bags_is_returned_and_lost(
    dependencies: OrderDependencies, city: City
) -> None:
    """Two units were picked, and one of them is not in the bag when it is put back."""
    order = await place_paid_order(dependencies, city, 4, (0,))
    task, staff = await accept_task(dependencies, city, order)
    (line,) = await lines_of(dependencies.database, task)
    pick = LinePick(4, line.id)
    await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        await fulfillments.cancel_for_order(session, await session.get_one(Order, order.id))
    (row,) = await put_back_lines_of(dependencies.database, task)
    counts = [PutBackCount(row.id, returned=3, missing=1)]
    await run_step(dependencies.database, staff, task, put_back.confirm, counts=counts)
    units = await movements_of(dependencies, city)
    key = str(order.id)
    assert units[StockMovementReason.PICK_SHORTAGE, key] == -1
    assert units[StockMovementReason.RESTOCK, key] == 4


async def test_a_rejection_corrects_the_books(dependencies: OrderDependencies, city: City) -> None:
    """The units that nobody had bought are not on the shelf: no goods move, and it says so."""
    order = await place_paid_order(dependencies, city, 4, (0,))
    (task,) = await fulfillments_of(dependencies.database, order)
    staff = await create_picker(dependencies.database, city.near)
    reason = FulfillmentRejectReason.OUT_OF_STOCK
    await run_step(dependencies.database, staff, task, rerouting.reject, reason=reason)
    units = await movements_of(dependencies, city)
    assert units[StockMovementReason.OUT_OF_STOCK, str(task.id)] == -50
    assert StockMovementReason.PICK_SHORTAGE not in {reason for reason, _ in units}
