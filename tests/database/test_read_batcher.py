"""Merged statements: each reader gets its own answer, and no error of another's statement."""

import asyncio
from typing import Any

import pytest
from asyncpg import PostgresError
from sqlalchemy import ColumnElement, Integer, bindparam, func, literal, select, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import create_async_engine

from database.base import uuid7
from database.read_batcher import MAX_MERGED_STATEMENTS, ReadBatcher
from database.scope import PLATFORM, Scope
from database.sessions import APPLICATION_ROLE, Database, open_read_pool
from database.statement_merge import merge_statements
from database.statements import prepared
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.catalog import Listing, Product
from models.riders import Rider
from models.stock import StockLevel
from models.stores import Store
from tests.support.city import City
from tests.support.graph_queries import record_statements

STORES = prepared(select(Store).where(matches_keys(Store.id)))
LISTINGS = prepared(
    select(Listing)
    .where(matches_keys(Listing.store_id))
    .order_by(Listing.price_minor.desc(), Listing.product_id)
)
SHARE = prepared(select(literal(12) / bindparam("by", type_=Integer)))
SLOW: ColumnElement[Any] = func.pg_sleep(30)


@pytest.fixture
def batcher(database: Database) -> ReadBatcher:
    return database.read_batcher(PLATFORM)


async def test_concurrent_reads_share_a_round_trip(
    database: Database, batcher: ReadBatcher, shared_city: City
) -> None:
    stores = [store.id for store in shared_city.first.stores]
    with record_statements(database) as sent:
        rows, listings, products = await asyncio.gather(
            one_per_key(batcher.session(), STORES, [*stores, uuid7()]),
            many_per_key(batcher.session(), LISTINGS, stores, "store_id"),
            batcher.session().scalars(select(Product).order_by(Product.id)),
        )
    assert len(sent) == 1
    assert [row and row.name for row in rows] == [
        *(one.name for one in shared_city.first.stores),
        None,
    ]
    async with database.read(PLATFORM) as session:
        whole = await many_per_key(session, LISTINGS, stores, "store_id")
        every = list(await session.scalars(select(Product).order_by(Product.id)))
    assert [[_values(row) for row in rows] for rows in listings] == [
        [_values(row) for row in rows] for rows in whole
    ]
    assert [_values(row) for row in products] == [_values(row) for row in every]


def _values(row: Any) -> dict[str, Any]:
    columns = type(row).__mapper__.column_attrs
    return {one.key: getattr(row, one.key) for one in columns if not one.deferred}


async def test_one_key_has_the_same_answer_as_several(
    database: Database, shared_city: City
) -> None:
    near, far = (store.id for store in shared_city.first.stores[:2])
    async with database.read(PLATFORM) as session:
        with record_statements(database) as sent:
            alone = await many_per_key(session, LISTINGS, [near], "store_id")
            both = await many_per_key(session, LISTINGS, [near, far], "store_id")
    assert [_values(row) for row in alone[0]] == [_values(row) for row in both[0]]
    assert "ANY" not in sent[0]
    assert "ANY" in sent[1]


async def test_an_error_is_raised_only_for_the_statement_that_caused_it(
    database: Database, batcher: ReadBatcher, shared_city: City
) -> None:
    answers = await asyncio.gather(
        one_per_key(batcher.session(), STORES, [shared_city.near.id]),
        batcher.session().scalar(SHARE, {"by": 0}),
        batcher.session().scalar(SHARE, {"by": 4}),
        batcher.session().get_one(Store, uuid7()),
        return_exceptions=True,
    )
    (near,), zero, four, missing = answers
    assert near.name == shared_city.near.name
    assert "division by zero" in str(zero)
    assert four == 3
    assert isinstance(missing, NoResultFound)


async def test_a_statement_that_can_not_be_merged_runs_by_itself(
    database: Database, batcher: ReadBatcher, shared_city: City
) -> None:
    with record_statements(database) as sent:
        one, store, stock = await asyncio.gather(
            batcher.session().scalar(text("select 1 as one")),
            batcher.session().get(Store, shared_city.near.id),
            batcher.session().scalar(select(func.count()).select_from(StockLevel)),
        )
    assert (one, store.name, stock > 0) == (1, shared_city.near.name, True)
    assert len(sent) == 2


async def test_statements_that_come_during_a_round_trip_share_the_next_one(
    database: Database, batcher: ReadBatcher, shared_city: City
) -> None:
    async def twice() -> str:
        session = batcher.session()
        store = await session.get_one(Store, shared_city.near.id)
        same: Store = await session.get_one(Store, store.id)
        return same.name

    with record_statements(database) as sent:
        names = await asyncio.gather(*(twice() for _ in range(3)))
    assert set(names) == {shared_city.near.name}
    assert len(sent) == 2


async def test_a_round_trip_has_a_limited_number_of_statements(
    database: Database, batcher: ReadBatcher
) -> None:
    with record_statements(database) as sent:
        shares = [
            batcher.session().scalar(SHARE, {"by": 3}) for _ in range(MAX_MERGED_STATEMENTS + 2)
        ]
        assert await asyncio.gather(*shares) == [4] * len(shares)
    assert len(sent) == 2


async def test_a_round_trip_is_canceled_with_its_last_reader(
    database: Database, batcher: ReadBatcher
) -> None:
    waiting = [asyncio.ensure_future(batcher.session().scalar(select(SLOW))) for _ in range(2)]
    await asyncio.sleep(0.1)
    assert database.platform_pool.in_use == 1
    waiting[0].cancel()
    await asyncio.sleep(0.1)
    assert database.platform_pool.in_use == 1
    waiting[1].cancel()
    await asyncio.sleep(0.1)
    assert database.platform_pool.in_use == 0
    assert await batcher.session().scalar(SHARE, {"by": 2}) == 6


async def test_a_round_trip_stays_inside_its_scope(database: Database, shared_city: City) -> None:
    nobody = database.read_batcher(Scope())
    everybody = database.read_batcher(PLATFORM)
    riders = [
        one.session().scalar(select(func.count()).select_from(Rider)) for one in (nobody, everybody)
    ]
    unseen, seen = await asyncio.gather(*riders)
    assert unseen == 0
    assert seen is not None
    assert seen > 0


def test_parameters_are_renumbered_in_a_merged_statement() -> None:
    merged = merge_statements(("select $1, $2", "select $1", "select $11"), (2, 1, 11))
    assert "select $1, $2" in merged
    assert "select $3" in merged
    assert "select $14" in merged


async def test_every_reader_times_out_when_the_server_does_not_answer(database_url: str) -> None:
    pool = open_read_pool(database_url, APPLICATION_ROLE, pool_size=2)
    pool._settings["command_timeout"] = 0.2
    session = ReadBatcher(pool, None).session()
    asking = [session.scalar(text("select pg_sleep(3)")), session.scalar(text("select 1"))]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(one) for one in answers} == {TimeoutError}
    assert (len(pool._open), pool.in_use) == (0, 0)
    assert await session.scalar(text("select 1")) == 1
    await pool.close()


async def test_a_connection_that_is_cut_during_a_statement_is_not_used_again(
    database_url: str,
) -> None:
    pool = open_read_pool(database_url, APPLICATION_ROLE, pool_size=2)
    session = ReadBatcher(pool, None).session()
    pid = await session.scalar(text("select pg_backend_pid()"))
    waiting = [
        asyncio.ensure_future(session.scalar(select(SLOW).where(literal(nth) == nth)))
        for nth in range(3)
    ]
    await asyncio.sleep(0.1)
    engine = create_async_engine(database_url)
    async with engine.connect() as outside:
        await outside.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    await engine.dispose()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, PostgresError) for one in answers), answers
    assert await session.scalar(text("select 1")) == 1
    await pool.close()
