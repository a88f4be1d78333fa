"""Statements in one trip: one answer for each who asked, and nobody pays for another's error."""

import asyncio
from typing import Any

import pytest
from asyncpg import PostgresError
from sqlalchemy import ColumnElement, Integer, bindparam, func, literal, select, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import create_async_engine

from database.base import uuid7
from database.read_batcher import GATHERED_AT_MOST, Trips
from database.scope import PLATFORM, Scope
from database.sessions import APPLICATION_ROLE, Database, open_reads
from database.statement_merge import merged
from database.statements import kept
from dataloaders.keys import asked, many_each, one_each
from models.catalog import Listing, Product
from models.delivery import Rider
from models.stock import Stock
from models.stores import Store
from tests.support.city import City
from tests.support.graph_queries import statements

STORES = kept(select(Store).where(asked(Store.id)))
LISTINGS = kept(
    select(Listing)
    .where(asked(Listing.store_id))
    .order_by(Listing.price_minor.desc(), Listing.product_id)
)
SHARE = kept(select(literal(12) / bindparam("by", type_=Integer)))
SLOW: ColumnElement[Any] = func.pg_sleep(30)


@pytest.fixture
def trips(database: Database) -> Trips:
    return database.trips(PLATFORM)


async def test_those_who_ask_at_one_moment_share_a_trip(
    database: Database, trips: Trips, town: City
) -> None:
    stores = [store.id for store in town.first.stores]
    with statements(database) as sent:
        found, listings, products = await asyncio.gather(
            one_each(trips.session(), STORES, [*stores, uuid7()]),
            many_each(trips.session(), LISTINGS, stores, "store_id"),
            trips.session().scalars(select(Product).order_by(Product.id)),
        )
    assert len(sent) == 1
    assert [row and row.name for row in found] == [*(one.name for one in town.first.stores), None]
    async with database.read(PLATFORM) as session:
        whole = await many_each(session, LISTINGS, stores, "store_id")
        every = list(await session.scalars(select(Product).order_by(Product.id)))
    assert [[_values(row) for row in rows] for rows in listings] == [
        [_values(row) for row in rows] for rows in whole
    ]
    assert [_values(row) for row in products] == [_values(row) for row in every]


def _values(row: Any) -> dict[str, Any]:
    columns = type(row).__mapper__.column_attrs
    return {one.key: getattr(row, one.key) for one in columns if not one.deferred}


async def test_one_key_is_answered_as_several_are(database: Database, town: City) -> None:
    near, far = (store.id for store in town.first.stores[:2])
    async with database.read(PLATFORM) as session:
        with statements(database) as sent:
            alone = await many_each(session, LISTINGS, [near], "store_id")
            both = await many_each(session, LISTINGS, [near, far], "store_id")
    assert [_values(row) for row in alone[0]] == [_values(row) for row in both[0]]
    assert "ANY" not in sent[0]
    assert "ANY" in sent[1]


async def test_an_error_is_told_to_those_alone_who_made_it(
    database: Database, trips: Trips, town: City
) -> None:
    store = await asyncio.gather(
        one_each(trips.session(), STORES, [town.near.id]),
        trips.session().scalar(SHARE, {"by": 0}),
        trips.session().scalar(SHARE, {"by": 4}),
        trips.session().get_one(Store, uuid7()),
        return_exceptions=True,
    )
    (near,), zero, four, nobody = store
    assert near.name == town.near.name
    assert "division by zero" in str(zero)
    assert four == 3
    assert isinstance(nobody, NoResultFound)


async def test_what_can_not_be_merged_goes_by_itself(
    database: Database, trips: Trips, town: City
) -> None:
    with statements(database) as sent:
        one, store, stock = await asyncio.gather(
            trips.session().scalar(text("select 1 as one")),
            trips.session().get(Store, town.near.id),
            trips.session().scalar(select(func.count()).select_from(Stock)),
        )
    assert (one, store.name, stock > 0) == (1, town.near.name, True)
    assert len(sent) == 2


async def test_what_is_asked_on_the_way_goes_in_the_next_trip(
    database: Database, trips: Trips, town: City
) -> None:
    async def twice() -> str:
        session = trips.session()
        store = await session.get_one(Store, town.near.id)
        same: Store = await session.get_one(Store, store.id)
        return same.name

    with statements(database) as sent:
        names = await asyncio.gather(*(twice() for _ in range(3)))
    assert set(names) == {town.near.name}
    assert len(sent) == 2


async def test_a_trip_takes_so_many_and_no_more(database: Database, trips: Trips) -> None:
    with statements(database) as sent:
        shares = [trips.session().scalar(SHARE, {"by": 3}) for _ in range(GATHERED_AT_MOST + 2)]
        assert await asyncio.gather(*shares) == [4] * len(shares)
    assert len(sent) == 2


async def test_a_trip_ends_when_nobody_waits_for_it_any_more(
    database: Database, trips: Trips
) -> None:
    waiting = [asyncio.ensure_future(trips.session().scalar(select(SLOW))) for _ in range(2)]
    await asyncio.sleep(0.1)
    assert database.platform.in_use == 1
    waiting[0].cancel()
    await asyncio.sleep(0.1)
    assert database.platform.in_use == 1
    waiting[1].cancel()
    await asyncio.sleep(0.1)
    assert database.platform.in_use == 0
    assert await trips.session().scalar(SHARE, {"by": 2}) == 6


async def test_a_trip_stays_inside_its_scope(database: Database, town: City) -> None:
    nobody = database.trips(Scope())
    everybody = database.trips(PLATFORM)
    riders = [
        one.session().scalar(select(func.count()).select_from(Rider)) for one in (nobody, everybody)
    ]
    unseen, seen = await asyncio.gather(*riders)
    assert unseen == 0
    assert seen is not None
    assert seen > 0


def test_values_keep_their_places_in_a_merged_text() -> None:
    told = merged(("select $1, $2", "select $1", "select $11"), (2, 1, 11))
    assert "select $1, $2" in told
    assert "select $3" in told
    assert "select $14" in told


async def test_a_server_that_does_not_answer_is_given_up_by_all(database_url: str) -> None:
    pool = open_reads(database_url, APPLICATION_ROLE, pool_size=2)
    pool._settings["command_timeout"] = 0.2
    session = Trips(pool, None).session()
    asking = [session.scalar(text("select pg_sleep(3)")), session.scalar(text("select 1"))]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(one) for one in answers} == {TimeoutError}
    assert (len(pool._open), pool.in_use) == (0, 0)
    assert await session.scalar(text("select 1")) == 1
    await pool.close()


async def test_a_connection_that_is_cut_in_the_middle_is_used_no_more(database_url: str) -> None:
    pool = open_reads(database_url, APPLICATION_ROLE, pool_size=2)
    session = Trips(pool, None).session()
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
