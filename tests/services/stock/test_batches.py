"""Batches: what expires first leaves first, and what must not be sold is not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Grant, Role
from models.stock import BatchStatus, Stock, StockBatch, StockEntry, StockReason
from models.stores import Store
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput, NotFound, Problem, Refused
from services.stock import movements, recalls, receiving
from services.stock.receiving import Received
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import Doors, opened, unexplained, working

TODAY = datetime.now(UTC).date()


def day(ahead: int) -> date:
    return TODAY + timedelta(days=ahead)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def receive(database: Database, store: Store, *lines: Received) -> list[StockEntry]:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await receiving.receive(
            session, company_id=store.company_id, store_id=store.id, lines=lines,
            reason=StockReason.RECEIPT, reference="PO-1", actor_id=None,
        )  # fmt: skip


async def ship(database: Database, store: Store, lines: dict[UUID, int]) -> list[movements.Shipped]:
    async with database.write(PLATFORM, ORIGIN) as session:
        return await movements.ship(
            session, company_id=store.company_id, store_id=store.id, lines=lines,
            reason=StockReason.TRANSFER_OUT, reference="T-1", actor_id=None,
        )  # fmt: skip


async def expect(database: Database, store: Store, lines: dict[UUID, int]) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await movements.expect(session, company_id=store.company_id, store_id=store.id, lines=lines)


async def against(work: Any) -> list[Problem]:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.reasons


async def counters(database: Database, store: Store, product_id: UUID) -> tuple[int, ...]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Stock, (store.id, product_id))
        return row.on_hand, row.held, row.damaged, row.incoming


async def batches_of(database: Database, store: Store, product_id: UUID) -> dict[str, Any]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(StockBatch).where(
                StockBatch.store_id == store.id, StockBatch.product_id == product_id
            )
        )
        return {row.code: (row.on_hand, row.damaged, row.status) for row in rows}


async def test_what_comes_extends_its_batch_and_what_is_broken_stands_beside(
    database: Database, city: City
) -> None:
    milk, near = city.products[0].id, city.near
    await receive(database, near, Received(milk, 5, "A", day(3), 1), Received(milk, 2, "B", day(1)))
    entries = await receive(
        database, near, Received(milk, 4, "A"), Received(milk, 3), Received(milk, 1, None, day(9))
    )
    assert [(one.delta, one.batch_delta) for one in entries] == [(4, 4), (3, 0), (1, 1)]
    assert await counters(database, near, milk) == (65, 0, 1, 0)
    assert await batches_of(database, near, milk) == {
        "A": (9, 1, BatchStatus.OPEN),
        "B": (2, 0, BatchStatus.OPEN),
        day(9).isoformat(): (1, 0, BatchStatus.OPEN),
    }
    assert await unexplained(database, city) == []


async def test_what_expires_first_is_shipped_first(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await receive(
        database, near, Received(milk, 2, "late", day(9)), Received(milk, 2, "soon", day(1)),
        Received(milk, 2, "ever"),
    )  # fmt: skip
    shipped = await ship(database, near, {milk: 7})
    told = [(one.batch_code, one.quantity, one.expires_on) for one in shipped]
    assert told == [
        ("soon", 2, day(1)),
        ("late", 2, day(9)),
        ("ever", 2, None),
        (None, 1, None),
    ]
    assert await counters(database, near, milk) == (49, 0, 0, 0)
    assert await unexplained(database, city) == []


async def test_what_is_not_there_or_promised_is_not_shipped(doors: Doors, city: City) -> None:
    milk, bread, near = city.products[0].id, city.products[1].id, city.near
    await doors.combiner.hold(city.company.id, near.id, city.products[2].id, {milk: 10}, 60)
    lines = {bread: 50, milk: 41}
    (reason,) = await against(ship(doors.database, near, lines))
    assert isinstance(reason, InsufficientStock)
    assert (reason.path, reason.available) == (["input", "lines", "1", "quantity"], 40)
    assert await counters(doors.database, near, bread) == (50, 0, 0, 0)
    for units in (0, -1):
        (reason,) = await against(ship(doors.database, near, {milk: units}))
        assert isinstance(reason, InvalidInput)
    foreign = city.second.products[0].id
    (reason,) = await against(ship(doors.database, near, {foreign: 1}))
    assert isinstance(reason, InsufficientStock)


async def test_what_is_on_its_way_is_counted(database: Database, city: City) -> None:
    milk, near = city.products[0].id, city.near
    await expect(database, near, {milk: 12})
    await expect(database, near, {milk: -2})
    assert await counters(database, near, milk) == (50, 0, 0, 10)
    (reason,) = await against(expect(database, near, {milk: -11}))
    assert isinstance(reason, InvalidInput)
    (reason,) = await against(expect(database, near, {city.second.products[0].id: 1}))
    assert isinstance(reason, NotFound)
    assert await unexplained(database, city) == []


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": -1}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 10**9}, "quantity"),
        ({"quantity": 1, "damaged": -1}, "damaged"),
        ({"quantity": 1, "expires_on": day(-3)}, "expiresOn"),
        ({"quantity": 1, "batch_code": "A", "expires_on": day(5)}, "expiresOn"),
        ({"quantity": 1, "batch_code": ""}, "batchCode"),
        ({"quantity": 1, "batch_code": "x" * 65}, "batchCode"),
        ({"quantity": 1, "batch_code": "a\0b"}, "batchCode"),
    ],
)
async def test_a_receipt_that_can_not_be_right_is_refused(
    database: Database, city: City, line: dict[str, Any], field: str
) -> None:
    milk, near = city.products[0].id, city.near
    await receive(database, near, Received(milk, 1, "A", day(4)))
    bad = Received(milk, **line)
    reason, *_ = await against(receive(database, near, Received(milk, 1), bad))
    assert isinstance(reason, InvalidInput)
    assert reason.path == ["input", "lines", "1", field]
    assert await counters(database, near, milk) == (51, 0, 0, 0)


async def test_a_product_of_others_is_not_received(database: Database, city: City) -> None:
    foreign = city.second.products[0].id
    (reason,) = await against(receive(database, city.near, Received(foreign, 1)))
    assert isinstance(reason, NotFound)
    assert reason.path == ["input", "lines", "0", "productId"]


@pytest.mark.parametrize(
    "statement",
    [
        "update stock_entry set delta = delta + 1 where store_id = :store",
        "delete from stock_entry where store_id = :store",
    ],
)
async def test_no_role_rewrites_the_ledger(
    database: Database, database_url: str, city: City, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.write(PLATFORM, ORIGIN) as session:
            await session.execute(text(statement), {"store": city.near.id})
    engine = create_async_engine(database_url, poolclass=NullPool)
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as owner:
            await owner.execute(text(statement), {"store": city.near.id})


async def test_a_recall_and_the_goods_it_speaks_of_may_come_in_any_order(
    database: Database, city: City
) -> None:
    milk, near = city.products[0].id, city.near
    (boss,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))

    async def stop(code: str) -> None:
        async with working(database, boss, city.company.id) as session:
            await recalls.recall(
                session, actor=boss, company_id=city.company.id, product_id=milk,
                batch_code=code, reason="",
            )  # fmt: skip

    await stop("early")
    await receive(database, near, Received(milk, 3, "early"))
    codes = [f"C{n}" for n in range(8)]
    work = [(receive(database, near, Received(milk, 1, code)), stop(code)) for code in codes]
    await asyncio.gather(*(one for both in work for one in both))
    for code, (on_hand, damaged, status) in (await batches_of(database, near, milk)).items():
        units = 3 if code == "early" else 1
        assert (on_hand, damaged, status) == (0, units, BatchStatus.RECALLED), code
    assert await counters(database, near, milk) == (50, 0, 11, 0)
    assert await unexplained(database, city) == []
