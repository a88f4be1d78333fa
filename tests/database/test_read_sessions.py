"""Reads on the bare driver: the same answers as the ORM's, and nothing that a read must not do."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.orm.exc import UnmappedInstanceError

from database.base import uuid7
from database.reading import Reading
from database.scope import NOBODY, PLATFORM, Scope
from database.sessions import APPLICATION_ROLE, Database, Origin, open_reads
from database.statements import kept
from models.catalog import Listing, Product
from models.companies import Company
from models.delivery import Rider, RiderPosition, RiderStatus
from models.events import Event
from models.stock import Stock
from models.stores import Store
from tests.support.city import City

Values = tuple[object, ...]


async def both(
    database: Database, statement: object, /, **given: object
) -> tuple[list[Values], list[Values]]:
    """What a reading session and a unit of work answer to one statement."""
    async with database.read(PLATFORM) as session:
        light = [_plain(row) for row in await session.execute(statement, given)]  # type: ignore[call-overload] # any statement
    async with database.write(PLATFORM, Origin("test")) as session:
        whole = [_plain(row) for row in await session.execute(statement, given)]  # type: ignore[call-overload] # any statement
    return light, whole


def _plain(row: Values) -> Values:
    """Rows of a model as their values, so that both kinds compare."""
    return tuple(
        {c.key: getattr(one, c.key) for c in type(one).__mapper__.column_attrs if not c.deferred}
        if hasattr(one, "__mapper__")
        else one
        for one in row
    )


@pytest.fixture(scope="module")
def statements(town: City) -> list[object]:
    other = aliased(Store)
    stores = [store.id for store in town.first.stores]
    return [
        select(Store).order_by(Store.id),
        select(Store, Company.name, Company).join(Company).order_by(Store.id),
        select(Store.name, other).join(other, other.company_id == Store.company_id)
        .order_by(Store.id, other.id),
        select(Rider, RiderPosition).outerjoin(RiderPosition).order_by(Rider.id),
        select(Rider).where(Rider.status == RiderStatus.OFFLINE).order_by(Rider.id),
        select(Stock).where(Stock.store_id.in_(stores), Stock.on_hand > 3)
        .order_by(Stock.store_id, Stock.product_id).limit(7),
        select(func.count(), func.sum(Stock.on_hand), func.avg(Listing.price_minor))
        .select_from(Stock).join(Listing, Listing.product_id == Stock.product_id),
        select(Product.translations, Product.name).order_by(Product.id).limit(5),
        select(Event.body).order_by(Event.stream, Event.seq).limit(3),
        union_all(select(literal(1).label("one")), select(literal(2))),
        text("select 1 as one, 'x' as letter"),
    ]  # fmt: skip


async def test_a_read_answers_what_a_unit_of_work_answers(
    database: Database, statements: list[object]
) -> None:
    for statement in statements:
        light, whole = await both(database, statement)
        assert light == whole


async def test_one_shape_serves_all_values(database: Database, town: City) -> None:
    async with database.read(PLATFORM) as session:
        names = [
            await session.scalar(select(Store.name).where(Store.id == store.id))
            for store in town.first.stores
        ]
        few = [await _count(session, town, several) for several in (1, 2)]
    assert names == [store.name for store in town.first.stores]
    assert few == [1, 2]


async def _count(session: AsyncSession, town: City, several: int) -> int | None:
    keys = [store.id for store in town.first.stores[:several]]
    return await session.scalar(select(func.count()).where(Store.id.in_(keys)))


async def test_a_light_row_can_not_be_changed(database: Database, town: City) -> None:
    async with database.read(PLATFORM) as session:
        store = await session.get_one(Store, town.near.id)
    with pytest.raises(AttributeError):
        store.name = "Elsewhere"
    assert store.name == town.near.name


async def test_a_row_is_found_by_its_key_or_not_at_all(database: Database, town: City) -> None:
    async with database.read(PLATFORM) as session:
        key = (town.near.id, town.first.products[0].id)
        assert (await session.get_one(Stock, key)).product_id == key[1]
        assert await session.get(Store, uuid7()) is None
        with pytest.raises(NoResultFound):
            await session.get_one(Store, uuid7())


async def test_a_read_can_not_write_and_sees_its_scope_only(database: Database) -> None:
    async with database.read(NOBODY) as session:
        assert await session.scalar(select(func.count()).select_from(Rider)) == 0
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.read(PLATFORM) as session:
            await session.execute(text("update store set name = 'x'"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.public() as session:
            await session.execute(text("select * from rider"))


async def test_a_connection_reads_in_the_scope_of_who_has_it(
    database: Database, town: City
) -> None:
    """The same few connections serve everybody in turn, and nobody in another one's scope."""
    rider = town.riders[0]
    counted = select(func.count()).select_from(Rider)
    for _ in range(3):
        async with database.read(NOBODY) as session:
            assert await session.scalar(counted) == 0
        async with database.read(Scope(person_id=rider.person_id)) as session:
            assert list(await session.scalars(select(Rider.id))) == [rider.id]


async def test_who_leaves_in_the_middle_ends_the_statement(database: Database) -> None:
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


async def test_a_server_that_does_not_answer_is_given_up(database_url: str) -> None:
    pool = open_reads(database_url, APPLICATION_ROLE, pool_size=2)
    pool._settings["command_timeout"] = 0.2
    with pytest.raises(TimeoutError):
        async with pool.reading(None) as session:
            await session.execute(text("select pg_sleep(3)"))
    assert (len(pool._open), pool.in_use) == (0, 0)
    async with pool.reading(None) as session:
        assert await session.scalar(text("select 1")) == 1
    await pool.close()


async def test_a_narrow_row_has_what_was_needed_and_its_key(database: Database) -> None:
    stores = kept(select(Store).order_by(Store.id))
    async with database.read(PLATFORM) as session:
        assert isinstance(session, Reading)
        whole = await session.firsts(stores)
        narrow = await session.narrow(stores, {"name", "status"}, {})
        other = await session.narrow(stores, {"name", "no_column"}, {})
    assert [(row.id, row.name, row.status) for row in narrow] == [
        (row.id, row.name, row.status) for row in whole
    ]
    with pytest.raises(UnmappedInstanceError):
        _ = narrow[0].timezone
    assert other[0].timezone == whole[0].timezone
