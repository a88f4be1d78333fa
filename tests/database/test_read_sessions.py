"""Read sessions on the bare driver: the ORM's answers, and nothing that a read must not do."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.orm.exc import UnmappedInstanceError

from database.audit import AuditContext
from database.base import uuid7
from database.read_pool import ReadSession
from database.scope import NOBODY, PLATFORM, Scope
from database.sessions import APPLICATION_ROLE, Database, open_read_pool
from database.statements import prepared
from models.catalog import Listing, Product
from models.companies import Company
from models.events import Event
from models.riders import Rider, RiderLocation, RiderStatus
from models.stock import StockLevel
from models.stores import Store
from tests.support.city import City
from tests.support.waiting import until

Values = tuple[object, ...]


async def both(
    database: Database, statement: object, /, **given: object
) -> tuple[list[Values], list[Values]]:
    """The answers of a read session and a write session to one statement."""
    async with database.read(PLATFORM) as session:
        read_only = [_plain(row) for row in await session.execute(statement, given)]  # type: ignore[call-overload] # any statement
    async with database.write(PLATFORM, AuditContext("test")) as session:
        entities = [_plain(row) for row in await session.execute(statement, given)]  # type: ignore[call-overload] # any statement
    return read_only, entities


def _plain(row: Values) -> Values:
    """Rows of a model as their values, so that both kinds can be compared."""
    return tuple(
        {c.key: getattr(one, c.key) for c in type(one).__mapper__.column_attrs if not c.deferred}
        if hasattr(one, "__mapper__")
        else one
        for one in row
    )


@pytest.fixture(scope="module")
def statements(shared_city: City) -> list[object]:
    other = aliased(Store)
    stores = [store.id for store in shared_city.first.stores]
    return [
        select(Store).order_by(Store.id),
        select(Store, Company.name, Company).join(Company).order_by(Store.id),
        select(Store.name, other).join(other, other.company_id == Store.company_id)
        .order_by(Store.id, other.id),
        select(Rider, RiderLocation).outerjoin(RiderLocation).order_by(Rider.id),
        select(Rider).where(Rider.status == RiderStatus.OFFLINE).order_by(Rider.id),
        select(StockLevel).where(StockLevel.store_id.in_(stores), StockLevel.on_hand > 3)
        .order_by(StockLevel.store_id, StockLevel.product_id).limit(7),
        select(func.count(), func.sum(StockLevel.on_hand), func.avg(Listing.price_minor))
        .select_from(StockLevel).join(Listing, Listing.product_id == StockLevel.product_id),
        select(Product.translations, Product.name).order_by(Product.id).limit(5),
        select(Event.body).order_by(Event.stream, Event.seq).limit(3),
        union_all(select(literal(1).label("one")), select(literal(2))),
        text("select 1 as one, 'x' as letter"),
    ]  # fmt: skip


async def test_a_read_session_answers_what_a_write_session_answers(
    database: Database, statements: list[object]
) -> None:
    for statement in statements:
        read_only, entities = await both(database, statement)
        assert read_only == entities


async def test_one_compiled_statement_serves_all_values(
    database: Database, shared_city: City
) -> None:
    async with database.read(PLATFORM) as session:
        names = [
            await session.scalar(select(Store.name).where(Store.id == store.id))
            for store in shared_city.first.stores
        ]
        few = [await _count_stores(session, shared_city, key_count) for key_count in (1, 2)]
    assert names == [store.name for store in shared_city.first.stores]
    assert few == [1, 2]


async def _count_stores(session: AsyncSession, shared_city: City, key_count: int) -> int | None:
    keys = [store.id for store in shared_city.first.stores[:key_count]]
    return await session.scalar(select(func.count()).where(Store.id.in_(keys)))


async def test_a_read_only_row_can_not_be_changed(database: Database, shared_city: City) -> None:
    async with database.read(PLATFORM) as session:
        store = await session.get_one(Store, shared_city.near.id)
    with pytest.raises(AttributeError):
        store.name = "Elsewhere"
    assert store.name == shared_city.near.name


async def test_a_row_is_read_by_its_key(database: Database, shared_city: City) -> None:
    async with database.read(PLATFORM) as session:
        key = (shared_city.near.id, shared_city.first.products[0].id)
        assert (await session.get_one(StockLevel, key)).product_id == key[1]
        assert await session.get(Store, uuid7()) is None
        with pytest.raises(NoResultFound):
            await session.get_one(Store, uuid7())


async def test_a_read_session_can_not_write_and_sees_only_its_scope(database: Database) -> None:
    async with database.read(NOBODY) as session:
        assert await session.scalar(select(func.count()).select_from(Rider)) == 0
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.read(PLATFORM) as session:
            await session.execute(text("update store set name = 'x'"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.read_public() as session:
            await session.execute(text("select * from rider"))


async def test_a_connection_reads_in_the_scope_of_its_present_reader(
    database: Database, shared_city: City
) -> None:
    """Readers in different scopes use the same few connections in turn."""
    rider = shared_city.riders[0]
    counted = select(func.count()).select_from(Rider)
    for _ in range(3):
        async with database.read(NOBODY) as session:
            assert await session.scalar(counted) == 0
        async with database.read(Scope(person_id=rider.person_id)) as session:
            assert list(await session.scalars(select(Rider.id))) == [rider.id]


async def test_canceling_a_reader_cancels_its_statement(database: Database) -> None:
    async def slow() -> None:
        async with database.read(PLATFORM) as session:
            await session.execute(text("select pg_sleep(4)"))

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asleep = "query like 'select pg_sleep(4)%' and state = 'active'"
    async with database.read(PLATFORM) as session:
        left = await session.scalar(text(f"select count(*) from pg_stat_activity where {asleep}"))  # noqa: S608 - our own words
    assert left == 0


async def test_a_reader_is_canceled_although_its_server_goes_away(database_url: str) -> None:
    """The database is killed while a request is canceled: the error of the clean-up used to win."""
    pool = open_read_pool(database_url, APPLICATION_ROLE, pool_size=2)

    async def slow() -> None:
        async with pool.session(None) as session:
            await session.execute(text("select pg_sleep(4)"))

    task = asyncio.create_task(slow())
    await until(lambda: pool.in_use)
    [connection] = pool._open
    task.cancel()
    connection.terminate()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (len(pool._open), pool.in_use) == (0, 0)
    await pool.close()


async def test_a_read_times_out_when_the_server_does_not_answer(database_url: str) -> None:
    pool = open_read_pool(database_url, APPLICATION_ROLE, pool_size=2)
    pool._settings["command_timeout"] = 0.2
    with pytest.raises(TimeoutError):
        async with pool.session(None) as session:
            await session.execute(text("select pg_sleep(3)"))
    assert (len(pool._open), pool.in_use) == (0, 0)
    async with pool.session(None) as session:
        assert await session.scalar(text("select 1")) == 1
    await pool.close()


async def test_a_partial_row_has_the_given_attributes_and_its_key(database: Database) -> None:
    stores = prepared(select(Store).order_by(Store.id))
    async with database.read(PLATFORM) as session:
        assert isinstance(session, ReadSession)
        whole = await session.scalar_list(stores)
        partial = await session.load_only(stores, {"name", "status"}, {})
        other = await session.load_only(stores, {"name", "no_column"}, {})
    assert [(row.id, row.name, row.status) for row in partial] == [
        (row.id, row.name, row.status) for row in whole
    ]
    with pytest.raises(UnmappedInstanceError):
        _ = partial[0].timezone
    assert other[0].timezone == whole[0].timezone
