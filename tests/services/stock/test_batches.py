"""Batches: first expired, first out, and no unsellable units."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Grant, Role
from models.stock import BatchStatus
from models.stores import Store
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput, NotFound
from services.stock import movements, recalls
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    unexplained_stock,
    write_as,
)
from tests.support.stock.batches import (
    batches_of,
    counters,
    day,
    issue,
    receive,
    refusals_of,
)


async def change_incoming(database: Database, store: Store, lines: dict[UUID, int]) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await movements.change_incoming(
            session, company_id=store.company_id, store_id=store.id, lines=lines
        )


async def test_received_units_extend_their_batch_and_damaged_ones_are_set_aside(
    database: Database, city: City
) -> None:
    milk, near = city.products[0].id, city.near
    await receive(
        database,
        near,
        StockReceiptLine(milk, 5, "A", day(3), 1),
        StockReceiptLine(milk, 2, "B", day(1)),
    )
    entries = await receive(
        database,
        near,
        StockReceiptLine(milk, 4, "A"),
        StockReceiptLine(milk, 3),
        StockReceiptLine(milk, 1, None, day(9)),
    )
    assert [(entry.on_hand_delta, entry.batch_delta) for entry in entries] == [
        (4, 4),
        (3, 0),
        (1, 1),
    ]
    assert await counters(database, near, milk) == (65, 0, 1, 0)
    assert await batches_of(database, near, milk) == {
        "A": (9, 1, BatchStatus.OPEN),
        "B": (2, 0, BatchStatus.OPEN),
        day(9).isoformat(): (1, 0, BatchStatus.OPEN),
    }
    assert await unexplained_stock(database, city) == []


async def test_units_that_expire_first_are_issued_first(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await receive(
        database,
        near,
        StockReceiptLine(milk, 2, "late", day(9)),
        StockReceiptLine(milk, 2, "soon", day(1)),
        StockReceiptLine(milk, 2, "ever"),
    )
    issued = await issue(database, near, {milk: 7})
    assert [(units.batch_code, units.quantity, units.sell_by_date) for units in issued] == [
        ("soon", 2, day(1)),
        ("late", 2, day(9)),
        ("ever", 2, None),
        (None, 1, None),
    ]
    assert await counters(database, near, milk) == (49, 0, 0, 0)
    assert await unexplained_stock(database, city) == []


async def test_missing_or_reserved_units_are_not_issued(
    dependencies: OrderDependencies, city: City
) -> None:
    milk, bread, near = city.products[0].id, city.products[1].id, city.near
    await dependencies.reservation_queue.reserve(
        city.company.id, near.id, city.products[2].id, {milk: 10}, 60
    )
    lines = {bread: 50, milk: 41}
    (problem,) = await refusals_of(issue(dependencies.database, near, lines))
    assert isinstance(problem, InsufficientStock)
    assert (problem.path, problem.available) == (["input", "lines", "1", "quantity"], 40)
    assert await counters(dependencies.database, near, bread) == (50, 0, 0, 0)
    for units in (0, -1):
        (problem,) = await refusals_of(issue(dependencies.database, near, {milk: units}))
        assert isinstance(problem, InvalidInput)
    foreign = city.second.products[0].id
    (problem,) = await refusals_of(issue(dependencies.database, near, {foreign: 1}))
    assert isinstance(problem, InsufficientStock)


async def test_incoming_units_are_counted(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await change_incoming(database, near, {milk: 12})
    await change_incoming(database, near, {milk: -2})
    assert await counters(database, near, milk) == (50, 0, 0, 10)
    (problem,) = await refusals_of(change_incoming(database, near, {milk: -11}))
    assert isinstance(problem, InvalidInput)
    (problem,) = await refusals_of(change_incoming(database, near, {city.second.products[0].id: 1}))
    assert isinstance(problem, NotFound)
    assert await unexplained_stock(database, city) == []


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": -1}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10**9}, "quantity"),
        ({"quantity": 1, "damaged": -1}, "damaged"),
        ({"quantity": 1, "sell_by_date": day(-3)}, "sellByDate"),
        ({"quantity": 1, "batch_code": "A", "sell_by_date": day(5)}, "sellByDate"),
        ({"quantity": 1, "batch_code": ""}, "batchCode"),
        ({"quantity": 1, "batch_code": "x" * 65}, "batchCode"),
        ({"quantity": 1, "batch_code": "a\0b"}, "batchCode"),
    ],
)
async def test_an_invalid_receipt_is_refused(
    database: Database, city: City, line: dict[str, Any], field: str
) -> None:
    milk, near = city.products[0].id, city.near
    await receive(database, near, StockReceiptLine(milk, 1, "A", day(4)))
    invalid = StockReceiptLine(milk, **line)
    problem, *_ = await refusals_of(receive(database, near, StockReceiptLine(milk, 1), invalid))
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "lines", "1", field]
    assert await counters(database, near, milk) == (51, 0, 0, 0)


async def test_a_product_of_another_company_is_not_received(database: Database, city: City) -> None:
    foreign = city.second.products[0].id
    (problem,) = await refusals_of(receive(database, city.near, StockReceiptLine(foreign, 1)))
    assert isinstance(problem, NotFound)
    assert problem.path == ["input", "lines", "0", "productId"]


@pytest.mark.parametrize(
    "statement",
    [
        "update stock_entry set on_hand_delta = on_hand_delta + 1 where store_id = :store",
        "delete from stock_entry where store_id = :store",
    ],
)
async def test_no_database_role_can_change_the_ledger(
    database: Database, database_url: str, city: City, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.write(PLATFORM, ORIGIN) as session:
            await session.execute(text(statement), {"store": city.near.id})
    engine = create_async_engine(database_url, poolclass=NullPool)
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as owner:
            await owner.execute(text(statement), {"store": city.near.id})


async def test_a_recall_covers_units_received_before_and_after_it(
    database: Database, city: City
) -> None:
    milk, near = city.products[0].id, city.near
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))

    async def recall(code: str) -> None:
        async with write_as(database, admin, city.company.id) as session:
            await recalls.recall(
                session, actor=admin, company_id=city.company.id, product_id=milk,
                batch_code=code, reason="",
            )  # fmt: skip

    await recall("early")
    await receive(database, near, StockReceiptLine(milk, 3, "early"))
    codes = [f"C{n}" for n in range(8)]
    pairs = [
        (receive(database, near, StockReceiptLine(milk, 1, code)), recall(code)) for code in codes
    ]
    await asyncio.gather(*(step for pair in pairs for step in pair))
    for code, (on_hand, damaged, status) in (await batches_of(database, near, milk)).items():
        units = 3 if code == "early" else 1
        assert (on_hand, damaged, status) == (0, units, BatchStatus.RECALLED), code
    assert await counters(database, near, milk) == (50, 0, 11, 0)
    assert await unexplained_stock(database, city) == []
