"""The stock audit: it names every counter that the stock movements don't explain."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import stock
from models.events import Event
from models.stock import StockAudit
from server.__main__ import main
from server.commands import audit_stock
from services.events.event_log import audit_stream
from services.stock.receiving import StockReceiptLine
from tests.support import city as cities
from tests.support.stock.batches import day, receive

FAULTS = {
    "on_hand": "update stock set on_hand = on_hand + 1",
    "reserved": "update stock set reserved = reserved + 1",
    "unsellable": "update stock set unsellable = unsellable + 1",
    "incoming": "update stock set incoming = incoming + 1",
    "batch_on_hand": "update stock_batch set on_hand = on_hand - 1",
    "batch_unsellable": "update stock_batch set unsellable = unsellable + 1",
    "batches": "update stock_batch set on_hand = on_hand + 1000",
}


def run(url: str) -> int:
    return audit_stock.main([], {"DATABASE_URL": url})


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_audit_names_every_counter_that_differs(
    fresh_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = fresh_database_url
    database = Database(url)
    try:
        city = await cities.build_city(database)
        product_id, near = city.products[0].id, city.near
        await receive(database, near, StockReceiptLine(product_id, 5, "A", day(2), 1))
        assert await asyncio.to_thread(run, url) == 0
        assert capsys.readouterr().out == "audit-stock: 4 stores, 0 differences.\n"
        where = f" where product_id = '{product_id}' and store_id = '{near.id}'"
        for counter, statement in FAULTS.items():
            table = "stock" if statement.startswith("update stock ") else "stock_batch"
            before = await rows(url, table + where)
            await execute(url, statement + where)
            assert await asyncio.to_thread(run, url) == 1, counter
            output = capsys.readouterr().out
            assert f"store {near.id}, product {product_id}: {counter} " in output
            await restore(url, table + where, before)
        assert await asyncio.to_thread(run, url) == 0
        await execute(url, FAULTS["unsellable"] + where)
        await check_daily_audit(database, near.id)
    finally:
        await database.close()


async def check_daily_audit(database: Database, store_id: Any) -> None:
    """The job audits every store once a day, and records an event for differences."""
    assert [await stock.audit_next_store(database) for _ in range(5)] == [1, 1, 1, 1, 0]
    async with database.read(PLATFORM) as session:
        audited = await session.scalars(select(StockAudit))
        assert {row.store_id: row.differences for row in audited if row.differences} == {
            store_id: 1
        }
        query = select(Event).where(Event.stream == audit_stream(store_id))
        event = (await session.scalars(query)).one()
    assert event.type == "STOCK_DIFFERS"
    [difference] = event.body["differences"]
    assert (difference["counter"], difference["says"], difference["books"]) == ("unsellable", 2, 1)


async def rows(url: str, source: str) -> tuple[int, ...]:
    names = "on_hand, unsellable" + (", reserved, incoming" if source.startswith("stock ") else "")
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        return tuple(await connection.fetchrow(f"select {names} from {source}"))  # noqa: S608 - names of our own
    finally:
        await connection.close()


async def restore(url: str, source: str, before: tuple[int, ...]) -> None:
    table, where = source.split(" where ")
    names = ("on_hand", "unsellable", "reserved", "incoming")
    values = ", ".join(f"{name} = {value}" for name, value in zip(names, before, strict=False))
    await execute(url, f"update {table} set {values} where {where}")  # noqa: S608 - names of our own


def test_an_unreachable_database_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    unreachable = {"DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"}
    assert main(["audit-stock"], {}) == 2
    assert main(["audit-stock"], unreachable) == 2
    assert capsys.readouterr().err.count("\n") == 2
