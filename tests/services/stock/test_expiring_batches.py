"""Batches near their expiry: expired units, markdown candidates and write-offs."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import stock
from models.identity import Grant, Role
from models.stock import (
    BatchStatus,
    StockBatch,
    StockMovement,
    WriteOffSource,
)
from services.stock import expiring_batches, recalls
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
from tests.support.stock.batches import batches_of, counters, day, issue, receive, refusals_of

MILK = (0,)


async def expire(database: Database, city: City, code: str) -> None:
    """Set a batch's last day of sale to the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        here = (StockBatch.store_id == city.near.id) & (StockBatch.code == code)
        await session.execute(update(StockBatch).where(here).values(sell_by_date=day(-2)))


async def test_expired_units_are_set_aside(dependencies: OrderDependencies) -> None:
    city = await cities.build_city(dependencies.database, on_hand=0)
    database, milk, near = dependencies.database, city.products[0].id, city.near
    await receive(database, near, StockReceiptLine(milk, 5, "A", day(0)), StockReceiptLine(milk, 1))
    await dependencies.reservation_queue.reserve(
        city.company.id, near.id, city.products[1].id, {milk: 4}, 60
    )
    await expire(database, city, "A")
    await stock.withdraw_unsellable_batches(database)
    assert await counters(database, near, milk) == (4, 4, 2, 0)
    assert await batches_of(database, near, milk) == {"A": (3, 2, BatchStatus.EXPIRED)}
    assert await unexplained_stock(database, city) == []


@pytest.mark.leaves("StockBatch.EXPIRED")
async def test_an_expired_batch_can_be_recalled(database: Database) -> None:
    """What lies beside the shelf since its last day of sale is found by a recall all the same."""
    city = await cities.build_city(database, on_hand=0)
    milk, near, company = city.products[0].id, city.near, city.company.id
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, company))
    await receive(database, near, StockReceiptLine(milk, 5, "A", day(0)))
    await expire(database, city, "A")
    await stock.withdraw_unsellable_batches(database)
    assert await batches_of(database, near, milk) == {"A": (0, 5, BatchStatus.EXPIRED)}
    async with write_as(database, admin, company) as session:
        await recalls.recall(
            session, actor=admin, company_id=company, product_id=milk, batch_code="A", reason=""
        )
    assert await batches_of(database, near, milk) == {"A": (0, 5, BatchStatus.RECALLED)}
    assert await unexplained_stock(database, city) == []


async def test_batches_that_sell_too_slowly_are_markdown_candidates(
    dependencies: OrderDependencies, city: City
) -> None:
    database, milk, near = dependencies.database, city.products[0].id, city.near
    await receive(
        database, near,
        StockReceiptLine(milk, 3, "A", day(1)), StockReceiptLine(milk, 20, "B", day(6)),
        StockReceiptLine(milk, 9, "C", day(60)),
    )  # fmt: skip
    await issue(database, near, {city.products[1].id: 1})
    await place_paid_order(dependencies, city, 14, MILK)
    staff = await create_picker(database, near)
    arguments: Any = {"actor": staff, "store_id": near.id, "within_days": 9}
    async with database.read(staff.scope()) as session:
        first_page = await expiring_batches.list_expiring(
            session, first=1, cursor=None, **arguments
        )
        second_page = await expiring_batches.list_expiring(
            session, first=5, cursor=first_page.page_info.end_cursor, **arguments
        )
        candidates = await expiring_batches.list_markdown_candidates(
            session, first=5, cursor=None, **arguments
        )
        next_candidates = await expiring_batches.list_markdown_candidates(
            session, first=5, cursor=candidates.page_info.end_cursor, **arguments
        )
    assert [batch.code for batch in first_page.nodes] == ["A"]
    assert [batch.code for batch in second_page.nodes] == ["B"]
    # One unit a day: two of A are sold in two days, five of B in the next five.
    assert [(each.batch.code, each.daily_sales, each.surplus) for each in candidates.nodes] == [
        ("A", 1.0, 1),
        ("B", 1.0, 15),
    ]
    assert next_candidates.nodes == []


async def test_written_off_units_leave_their_batch(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await receive(database, near, StockReceiptLine(milk, 5, "A", day(1), 2))
    staff = await create_picker(database, near)

    async def write_off(
        quantity: int, source: WriteOffSource, batch: UUID | None = None
    ) -> StockMovement:
        async with write_as(database, staff, city.company.id) as session:
            return await expiring_batches.write_off(
                session, actor=staff, store_id=near.id, product_id=None if batch else milk,
                batch_id=batch, quantity=quantity, source=source, note="moldy",
            )  # fmt: skip

    async with database.read(PLATFORM) as session:
        of_product = select(StockBatch.id).where(StockBatch.product_id == milk)
        key = (await session.scalars(of_product)).one()
    await write_off(2, WriteOffSource.SELLABLE, key)
    await write_off(1, WriteOffSource.UNSELLABLE, key)
    await write_off(4, WriteOffSource.SELLABLE)
    assert await batches_of(database, near, milk) == {"A": (0, 1, BatchStatus.OPEN)}
    assert await counters(database, near, milk) == (49, 0, 1, 0)
    for arguments in (
        (1, WriteOffSource.SELLABLE, key),
        (2, WriteOffSource.UNSELLABLE, key),
        (1, WriteOffSource.UNSELLABLE),
        (50, WriteOffSource.SELLABLE),
        (0, WriteOffSource.SELLABLE),
    ):
        (problem,) = await refusals_of(write_off(*arguments))
        assert problem.path == ["input", "quantity"]
    assert await unexplained_stock(database, city) == []
