"""The private parts of SQLAlchemy and asyncpg that this project uses still are what they were.

Checked against SQLAlchemy 2.1.9 and asyncpg 0.32.0. When an upgrade breaks one of these tests, read
the changed part of the library, mend `database/sqlalchemy_internals.py` and its callers, and set
the checked versions there and here.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import asyncpg
import pytest
from sqlalchemy import ARRAY, Integer, Text, any_, bindparam, insert, literal, select, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.types import Enum

from database import sqlalchemy_internals as internals
from database.base import uuid7
from database.connections import ReadConnection
from database.rows import DIALECT
from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryStatus
from models.stores import Store

ASYNCPG_VERSION = "0.32.0"
SEE = "see database/sqlalchemy_internals.py"


@contextmanager
def unchanged(part: str, library: str = "SQLAlchemy") -> Iterator[None]:
    """Whatever fails inside: the library has changed this part."""
    try:
        yield
    except Exception as error:
        pytest.fail(f"{library} {version(library)} changed {part}: {SEE} ({error!r})")


@pytest.fixture
def session() -> Session:
    """An ORM session that is never connected."""
    return Session()


def store() -> Store:
    return Store(id=uuid7(), name="Bolhão")


def compiled(statement: Any) -> Any:
    key = internals.cache_key(statement)
    return DIALECT.statement_compiler(DIALECT, statement, cache_key=key)


def test_the_installed_versions_are_the_checked_ones() -> None:
    installed = version("SQLAlchemy"), version("asyncpg")
    checked = internals.CHECKED_VERSION, ASYNCPG_VERSION
    assert installed == checked, f"not checked against {installed} yet: {SEE}"


def test_a_session_keeps_its_new_deleted_and_modified_states(session: Session) -> None:
    with unchanged("Session._new, Session._deleted or WeakInstanceDict._modified"):
        assert not internals.has_pending_changes(session)
        row = store()
        session.add(row)
        state: Any = inspect_state(row)
        assert list(internals.new_states(session)) == [state]
        assert isinstance(state.insert_order, int)
        assert not internals.deleted_states(session)
        assert not internals.modified_states(session)
        assert internals.has_pending_changes(session)


def inspect_state(row: Any) -> Any:
    return row.__dict__["_sa_instance_state"]


def test_a_new_row_becomes_persistent(session: Session) -> None:
    with unchanged("what moves a new row into the identity map"):
        row = store()
        session.add(row)
        state = inspect_state(row)
        key = internals.identity_key(state.mapper, state)
        assert key == (Store, (row.id,), None)
        state.key = key
        internals.register_persistent(session, {state})
        internals.commit_state(state, state.dict, session.identity_map)
        assert session.identity_map[key] is row
        assert not internals.has_pending_changes(session)
        row.name = "Ribeira"
        assert list(internals.modified_states(session)) == [state]
        assert state.committed_state == {"name": "Bolhão"}
        session.delete(row)
        assert list(internals.deleted_states(session)) == [state]


def test_a_loaded_row_is_tracked(session: Session) -> None:
    with unchanged("how a loaded row enters the identity map"):
        mapper: Any = Store.__mapper__
        row = mapper.class_manager.new_instance()
        row.__dict__.update(id=uuid7(), name="Bolhão")
        state = inspect_state(row)
        state.key = (Store, (row.id,), None)
        state.session_id = session.hash_key
        internals.add_to_identity_map(session.identity_map, state, state.key)
        assert session.identity_map[state.key] is row
        assert not internals.has_pending_changes(session)
        row.name = "Ribeira"
        assert list(internals.modified_states(session)) == [state]
        internals.commit_state(state, state.dict, session.identity_map)
        assert not internals.has_pending_changes(session)
        assert state.committed_state == {}
        session.expire(row, ["name"])
        assert state.expired_attributes == {"name"}
        session.expunge(row)
    with pytest.raises(DetachedInstanceError):
        _ = row.name


def test_equal_statements_have_equal_cache_keys() -> None:
    with unchanged("HasCacheKey._generate_cache_key or CacheKey"):
        one, other = (select(Store.id).where(Store.name == name) for name in ("a", "b"))
        key, same = internals.cache_key(one), internals.cache_key(other)
        assert isinstance(key, internals.CacheKey)
        assert key.key == same.key
        assert hash(key.key) == hash(same.key)
        assert [one.value for one in same.bindparams] == ["b"]
        values = compiled(one).construct_params({}, extracted_parameters=same.bindparams)
        assert list(values.values()) == ["b"]


def test_a_statement_names_what_it_returns() -> None:
    with unchanged("UpdateBase._returning"):
        assert internals.returning_columns(insert(Store)) == ()
        returning = internals.returning_columns(insert(Store).returning(Store.__table__.c.id))
        assert [column.name for column in returning] == ["id"]


def test_a_compiler_describes_its_result() -> None:
    with unchanged("SQLCompiler._result_columns or SQLCompiler._ordered_columns"):
        selecting = compiled(select(Store.id, Store.name.label("title")))
        assert isinstance(selecting, internals.SQLCompiler)
        columns = internals.result_columns(selecting)
        assert [column.keyname for column in columns] == ["id", "title"]
        assert isinstance(columns[1].type, Text)
        assert internals.has_ordered_columns(selecting)
        typed = compiled(text("select 1 as one").columns(one=Integer))
        assert [column.keyname for column in internals.result_columns(typed)] == ["one"]
        assert not internals.result_columns(compiled(text("select 1")))


def test_a_compiler_describes_its_parameters() -> None:
    with unchanged("SQLCompiler's description of its parameters"):
        keys = any_(bindparam("keys", type_=ARRAY(Integer)))
        limited = select(Store.id).where(literal(1) == keys, Store.name == bindparam("name", "x"))
        selecting = compiled(limited)
        defaults = internals.default_parameters(selecting, internals.cache_key(limited))
        names = selecting.positiontup
        assert sorted(names) == ["keys", "name", "param_1"]
        assert (defaults["keys"], defaults["name"], defaults["param_1"]) == (None, "x", 1)
        assert [selecting.binds[one].required for one in ("keys", "name")] == [True, False]
        assert not selecting.post_compile_params
        assert selecting.string.count("$") == len(names)
        assert "= ANY ($" in selecting.string


def test_enum_values_have_processors() -> None:
    with unchanged("SQLCompiler._bind_processors or TypeEngine._cached_result_processor"):
        status: Any = Enum(DeliveryStatus, native_enum=False)
        selecting = compiled(select(bindparam("status", DeliveryStatus.ARRIVING, type_=status)))
        process = internals.bind_processors(selecting)["status"]
        assert process(DeliveryStatus.ARRIVING) == "ARRIVING"
        read = internals.result_processor(status, DIALECT)
        assert read("ARRIVING") is DeliveryStatus.ARRIVING
        assert internals.result_processor(Integer(), DIALECT) is None


def test_lists_of_values_are_spread_out() -> None:
    with unchanged("SQLCompiler._process_parameters_for_postcompile"):
        listed = select(Store.id).where(Store.name.in_(["a", "b"]))
        selecting = compiled(listed)
        assert selecting.post_compile_params
        values = selecting.construct_params({})
        expanded = internals.expand_parameters(selecting, values)
        assert expanded.statement.endswith("IN ($1::VARCHAR, $2::VARCHAR)")
        parameters = {**values, **expanded.additional_parameters}
        assert [parameters[name] for name in expanded.positiontup] == ["a", "b"]
        assert isinstance(expanded.processors, dict)


def test_defaults_made_in_python_are_prefetched() -> None:
    with unchanged("SQLCompiler.insert_prefetch or SQLCompiler.update_prefetch"):
        inserting = compiled(insert(Store).values(id=uuid7(), name="a"))
        assert isinstance(inserting.insert_prefetch, list | tuple)
        assert isinstance(inserting.update_prefetch, list | tuple)


async def test_a_transaction_can_be_begun_at_once(database: Database) -> None:
    with unchanged("AsyncAdapt_asyncpg_connection._start_transaction"):
        async with database.engine.connect() as connection:
            proxied: Any = await connection.get_raw_connection()
            driver = proxied.driver_connection
            assert isinstance(driver, asyncpg.Connection)
            assert not driver.is_in_transaction()
            beginning = internals.begin_transaction(proxied.dbapi_connection)
            assert inspect.isawaitable(beginning)
            await beginning
            assert driver.is_in_transaction()
            await connection.execute(text("select 1"))
            await connection.rollback()
            assert not driver.is_in_transaction()


@pytest.fixture
async def driver(database: Database) -> AsyncIterator[ReadConnection]:
    connection = await database.platform_pool.acquire(None)
    yield connection
    database.platform_pool.release(connection)


async def test_the_driver_answers_as_the_sessions_expect(driver: Any, database: Database) -> None:
    """asyncpg has no types; nothing private of it is used, but these undocumented answers are."""
    with unchanged("what its connections answer", "asyncpg"):
        (record,) = await driver.fetch("select 1 as one, 'x' as letter")
        assert (record[0], record[0:2], list(record.keys())) == (1, (1, "x"), ["one", "letter"])
        assert await driver.execute("select 1") == "SELECT 1"
        assert inspect.iscoroutinefunction(driver.fetchmany)
        (rows,) = (await driver.fetch("select array(select whole from (select 1, 2) whole)"))[0]
        assert [tuple(row) for row in rows] == [(1, 2)]
    with unchanged("PostgresError.severity_en", "asyncpg"):
        with pytest.raises(asyncpg.PostgresError) as raised:
            await driver.fetch("select 1 / 0")
        assert raised.value.severity_en == "ERROR"
    async with database.read(PLATFORM) as reading:
        assert await reading.scalar(select(literal(1))) == 1
