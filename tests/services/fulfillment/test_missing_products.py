"""What a store rejects as out of stock is counted, also while an active count has it."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.catalog import Product
from models.counting import StockCount, StockCountLine, StockCountStatus
from models.fulfillment import FulfillmentRejectReason
from models.identity import Actor, Grant, Role
from services.counting import count_opening, stock_counts
from services.counting.count_opening import CountSelection
from services.counting.stock_counts import UncountedLines
from services.fulfillment import missing_products
from tests.support.city import City
from tests.support.counting import refusal_of
from tests.support.customers import create_people
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
    unexplained_stock,
    write_as,
)
from tests.support.store_staff import on_hand, run_step

S = StockCountStatus


@pytest.mark.parametrize("state", [S.IN_PROGRESS, S.SUBMITTED, S.APPROVED, S.CANCELED])
async def test_a_product_that_was_counted_before_its_rejection_is_counted_again(
    dependencies: OrderDependencies, city: City, state: StockCountStatus
) -> None:
    """A routine count finds all of the bread, then an order is rejected as out of stock of it.

    The approval of the count changed nothing, so that the bread stayed off sale and nobody counted
    it again: the rejection had opened no count, because the bread was in one.
    """
    database, bread = dependencies.database, city.products[1].id
    order = await place_paid_order(dependencies, city)
    (task,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    grant = Grant(Role.STORE_MANAGER, city.near.company_id, city.near.id)
    (manager,) = await create_people(database, 1, grant)
    routine = await count_all(dependencies, city, staff, manager, state)
    line = next(one for one in await lines_of(database, task) if one.product_id == bread)
    missing = {"reason": FulfillmentRejectReason.OUT_OF_STOCK, "missing_line_ids": [line.id]}
    await run_step(database, staff, task, missing_products.reject, **missing)
    assert await on_hand(database, city.near, city, 1) == 0
    [active] = await active_counts(dependencies, bread)
    assert active.status is S.IN_PROGRESS
    assert (active.id == routine.id) is (state in (S.IN_PROGRESS, S.SUBMITTED))
    async with write_as(database, staff, order.company_id) as session:
        submission = stock_counts.submit(session, actor=staff, count_id=active.id)
        problem = await refusal_of(submission)
    assert isinstance(problem, UncountedLines)
    assert problem.remaining_line_count == 1
    await count(dependencies, staff, active, city.products[1], 30)
    await end(dependencies, staff, manager, active, S.APPROVED)
    assert await on_hand(database, city.near, city, 1) == 30
    assert await on_hand(database, city.near, city, 2) == 50
    assert await unexplained_stock(database, city) == []


async def count_all(
    dependencies: OrderDependencies,
    city: City,
    staff: Actor,
    manager: Actor,
    state: StockCountStatus,
) -> StockCount:
    """A routine count of bread and of the product after it that finds all, up to a state."""
    products = city.products[1:3]
    selection = CountSelection(product_ids=tuple(product.id for product in products))
    async with write_as(dependencies.database, staff, city.near.company_id) as session:
        row = await count_opening.start(
            session, actor=staff, store_id=city.near.id, selection=selection
        )
    for product in products:
        await count(dependencies, staff, row, product, 50)
    if state is not S.IN_PROGRESS:
        await end(dependencies, staff, manager, row, state)
    return row


async def count(
    dependencies: OrderDependencies, staff: Actor, row: StockCount, product: Product, units: int
) -> None:
    async with write_as(dependencies.database, staff, row.company_id) as session:
        await stock_counts.set_line(
            session, actor=staff, count_id=row.id, counted=units, product_id=product.id
        )


async def end(
    dependencies: OrderDependencies,
    staff: Actor,
    manager: Actor,
    row: StockCount,
    state: StockCountStatus,
) -> None:
    """Submit a count, and let a manager decide unless SUBMITTED is asked for."""
    async with write_as(dependencies.database, staff, row.company_id) as session:
        await stock_counts.submit(session, actor=staff, count_id=row.id)
    if state is S.SUBMITTED:
        return
    step = stock_counts.approve if state is S.APPROVED else stock_counts.cancel
    async with write_as(dependencies.database, manager, row.company_id) as session:
        await step(session, actor=manager, count_id=row.id)


async def active_counts(dependencies: OrderDependencies, product_id: object) -> list[StockCount]:
    lines = select(StockCountLine.count_id).where(
        StockCountLine.product_id == product_id, StockCountLine.live
    )
    async with dependencies.database.read(PLATFORM) as session:
        statement = select(StockCount).where(StockCount.id.in_(lines))
        return list(await session.scalars(statement))
