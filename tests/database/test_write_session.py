"""Write sessions: rows belong to the session, and changes are written by few statements."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from database import sessions
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from database.write_session import WriteSession, append_event
from models.accounts import Address
from models.carts import Cart, CartLine
from models.operations import AuditEntry
from services.core.transient_errors import is_transient
from tests.support.actors import ActorClient
from tests.support.city import City
from tests.support.server.databases import superuser

ORIGIN = AuditContext("test:working")


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """A write session that is rolled back."""
    with suppress(RolledBackError):
        async with database.write(PLATFORM, ORIGIN) as opened:
            yield opened
            raise RolledBackError


class RolledBackError(Exception):
    """Raised to roll back the transaction of the fixture."""


@pytest.fixture
def sent(session: Any) -> list[str]:
    """The statements that the session has run on the driver."""
    statements: list[str] = []
    session.observer = statements.append
    return statements


def address(customer: ActorClient, label: str) -> Address:
    return Address(
        person_id=customer.id, label=label, address_line="Rua 1", latitude=41.1, longitude=-8.6
    )


async def test_new_rows_share_a_statement_and_get_the_values_that_the_table_fills_in(
    session: AsyncSession, customer: ActorClient, sent: list[str]
) -> None:
    rows = [address(customer, name) for name in ("Home", "Work", "Boat")]
    session.add_all(rows)
    await session.flush()
    assert len(sent) == 1
    loaded = await session.scalars(select(Address).where(Address.id.in_([row.id for row in rows])))
    assert set(loaded) == set(rows)
    columns = [one.key for one in Address.__mapper__.column_attrs if not one.deferred]
    values = [{name: getattr(row, name) for name in columns} for row in rows]
    for row in rows:
        await session.refresh(row)
    assert [{name: getattr(row, name) for name in columns} for row in rows] == values


async def test_only_changed_columns_are_written_and_similar_rows_share_a_round_trip(
    session: AsyncSession, customer: ActorClient, sent: list[str]
) -> None:
    rows = [address(customer, name) for name in ("Home", "Work")]
    session.add_all(rows)
    await session.flush()
    sent.clear()
    rows[0].label = "Home"
    await session.flush()
    assert sent == []
    for row in rows:
        row.label += "!"
    await session.flush()
    assert len(sent) == 1
    assert "SET label=" in sent[0]
    assert ", " not in sent[0].split(" WHERE ")[0]
    labels = select(Address.label).where(Address.person_id == customer.id)
    assert {"Home!", "Work!"} <= set(await session.scalars(labels))


async def test_a_row_is_one_object_that_is_refreshed_only_on_request(
    session: AsyncSession, customer: ActorClient
) -> None:
    row = address(customer, "Home")
    session.add(row)
    await session.flush()
    mine = select(Address).where(Address.id == row.id)
    await session.execute(
        text("update address set label = 'Boat' where id = :key"), {"key": row.id}
    )
    assert await session.scalar(mine) is row
    assert await session.get(Address, row.id) is row
    assert row.label == "Home"
    assert await session.scalar(mine.execution_options(populate_existing=True)) is row
    assert row.label == "Boat"
    assert await session.get(Address, row.id, with_for_update=True) is row
    session.expire(row)
    assert await session.scalar(mine) is row
    assert row.label == "Boat"


async def _add_second_cart(session: AsyncSession, customer: ActorClient, shared_city: City) -> None:
    """Add a second cart for the same company, which a constraint forbids."""
    async with session.begin_nested():
        session.add(Cart(person_id=customer.id, company_id=shared_city.second.id))
        await session.flush()


async def test_updating_a_row_that_is_gone_is_an_error(
    session: AsyncSession, customer: ActorClient
) -> None:
    row = address(customer, "Home")
    session.add(row)
    await session.flush()
    await session.execute(text("delete from address where id = :key"), {"key": row.id})
    row.label = "Work"
    with pytest.raises(StaleDataError):
        await session.flush()


async def test_a_session_can_be_used_after_a_savepoint_was_rolled_back(
    session: AsyncSession, customer: ActorClient, shared_city: City
) -> None:
    cart = Cart(person_id=customer.id, company_id=shared_city.second.id)
    session.add(cart)
    await session.flush()
    with pytest.raises(IntegrityError):
        await _add_second_cart(session, customer, shared_city)
    session.add(CartLine(cart_id=cart.id, product_id=shared_city.second.products[0].id,
                         person_id=customer.id, quantity=2))  # fmt: skip
    await session.flush()
    assert await session.get_one(Cart, cart.id) is cart


async def test_statements_that_need_the_orm_are_run_by_it(
    session: AsyncSession, customer: ActorClient
) -> None:
    row = address(customer, "Home")
    session.add(row)
    await session.flush()
    row.label = Address.label + "!"
    await session.flush()
    await session.refresh(row)
    assert row.label == "Home!"
    changed = update(Address).where(Address.id == row.id).values(label="Work")
    await session.execute(changed.execution_options(synchronize_session=False))
    await session.refresh(row)
    assert row.label == "Work"
    await session.delete(row)
    await session.flush()
    assert await session.get(Address, row.id) is None


async def test_each_change_is_in_the_audit_row_once(
    database: Database, customer: ActorClient
) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        row = address(customer, "Home")
        session.add(row)
        await session.flush()
        row.label = "Work"
        await session.flush()
        await session.delete(row)
    newest = select(AuditEntry).where(AuditEntry.action == ORIGIN.action)
    async with database.read(PLATFORM) as reading:
        entry = await reading.scalar(newest.order_by(AuditEntry.id.desc()).limit(1))
    assert entry is not None
    verbs = [(one["verb"], one["after"].get("label")) for one in entry.changes]
    assert verbs == [("insert", "Home"), ("update", "Work"), ("delete", None)]
    assert entry.changes[1]["before"] == {"label": "Home"}


async def test_a_change_that_the_orm_writes_by_itself_is_in_the_audit_row(
    session: AsyncSession, customer: ActorClient
) -> None:
    """SQLAlchemy flushes before it refreshes a row."""
    rows = [address(customer, name) for name in ("Home", "Work")]
    session.add_all(rows)
    await session.flush()
    assert isinstance(session, WriteSession)
    session.changes.clear()
    rows[0].label = "Boat"
    await session.refresh(rows[1])
    assert [(one["verb"], one["after"]) for one in session.changes] == [
        ("update", {"label": "Boat"})
    ]


async def test_a_read_session_takes_no_events(database: Database) -> None:
    async with database.read(PLATFORM) as reading:
        with pytest.raises(TypeError):
            append_event(reading, "stream", "TYPE", {}, None)


async def test_connections_that_the_server_has_cut_are_replaced(
    database: Database, postgres_url: str
) -> None:
    here = text("select pg_backend_pid()")
    async with database.write(PLATFORM, ORIGIN) as one, database.write(PLATFORM, ORIGIN) as other:
        cut = [await one.scalar(here), await other.scalar(here)]
    async with superuser(postgres_url) as connection:
        await connection.execute("select pg_terminate_backend(unnest($1::int[]))", cut)
    await asyncio.sleep(0.2)  # until the driver has noticed it
    for _ in range(3):
        async with database.write(PLATFORM, ORIGIN) as session:
            assert await session.scalar(here) not in cut


async def test_a_connection_whose_server_has_stopped_is_a_transient_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver may notice it only while the transaction begins; clients got INTERNAL."""

    async def begin_later(_connection: object) -> None:
        cause = asyncpg.InternalClientError("cannot switch to state 15")
        raise RuntimeError("as SQLAlchemy's adapter translates it") from cause

    monkeypatch.setattr(sessions, "begin_transaction", begin_later)
    with pytest.raises(DBAPIError) as raised:
        async with database.write(PLATFORM, AuditContext("test")):
            pass
    assert is_transient(raised.value)
