"""Each migration since 0024 upgrades tables with rows of every kind, and all can be undone."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, func, literal, select, table, text, union_all
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from database.base import Base
from tests.support.paths import ROOT
from tests.support.rows.any_row import insert_row
from tests.support.rows.every_table import EveryTable, read_tables

BASE = "0024"
# Tables into which a migration inserts rows.
FILLED_BY = {"0042": {"rider"}}
T = TypeVar("T")

# The owner of the tables is no superuser in production: row-level security is forced for it, so
# that a migration which does not lift it changes no row.
HAND_OVER = """
do $$
declare
    one record;
begin
    if not exists (select from pg_roles where rolname = 'darkstore_test_owner') then
        create role darkstore_test_owner nosuperuser nobypassrls;
    end if;
    grant darkstore_app to darkstore_test_owner;
    execute format('grant create on database %I to darkstore_test_owner', current_database());
    alter schema public owner to darkstore_test_owner;
    alter schema event_day owner to darkstore_test_owner;
    for one in
        select c.oid::regclass as name from pg_class c
        where c.relnamespace in ('public'::regnamespace, 'event_day'::regnamespace)
        and c.relkind in ('r', 'p', 'v', 'S')
        and not exists (
            select from pg_depend d where d.objid = c.oid and d.deptype in ('e', 'a', 'i')
            and d.refobjid <> c.oid and d.classid = 'pg_class'::regclass
        )
    loop
        execute format('alter table %s owner to darkstore_test_owner', one.name);
    end loop;
    for one in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace and not exists (
            select from pg_depend d where d.objid = p.oid and d.deptype = 'e'
        )
    loop
        execute format('alter routine %s owner to darkstore_test_owner', one.name);
    end loop;
    execute format('alter database %I set role = darkstore_test_owner', current_database());
end $$
"""
# It fills a table of its own before it closes it.
BEFORE_THE_POLICIES = {"0014_webhook.py"}
CHANGES_ROWS = re.compile(r"(update \"?\w+\"?( \w+)? set|insert into|delete from) (?!public)")
FORCED = "select relname from pg_class where relforcerowsecurity order by 1"
# A case, and a movement of units that are damaged already: the ledger refuses updates.
MAKE_CASE = """
update ticket set internal = true, opened_by_id = null
where id = (select id from ticket order by id limit 1)
"""
MOVE_DAMAGED_UNITS = """
insert into stock_entry select moved.*
from (select * from stock_entry limit 1) one, jsonb_populate_record(null::stock_entry, to_jsonb(one)
    || jsonb_build_object('id', gen_random_uuid(), 'delta', 0, 'damaged_delta', 1)) moved
"""
ROWS_OF_TODAY = ("set role none", MAKE_CASE, MOVE_DAMAGED_UNITS)
NOT_VALID = "select conname from pg_constraint where not convalidated"


class OldDatabase:
    """A database that is migrated step by step."""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self.engine = engine
        self.configuration = Config(ROOT / "alembic.ini")
        self.configuration.attributes["database_url"] = url
        script = ScriptDirectory.from_config(self.configuration)
        self.revisions = [one.revision for one in script.iterate_revisions("head", BASE)][::-1]

    async def run(self, function: Callable[[Connection], T]) -> T:
        async with self.engine.begin() as connection:
            return await connection.run_sync(function)

    async def upgrade(self, revision: str) -> None:
        await asyncio.to_thread(command.upgrade, self.configuration, revision)

    async def downgrade(self, revision: str) -> None:
        await asyncio.to_thread(command.downgrade, self.configuration, revision)

    async def names(self, query: str) -> list[str]:
        return await self.run(lambda connection: list(connection.scalars(text(query))))

    async def counts(self) -> dict[str, int]:
        """How many rows each table has."""

        def count(connection: Connection) -> dict[str, int]:
            connection.execute(text("set role none"))
            names = read_names(connection)
            counts = (select(literal(n), func.count()).select_from(table(n)) for n in names)
            rows = connection.execute(union_all(*counts))
            return {str(name): int(number) for name, number in rows}

        return await self.run(count)


def read_names(connection: Connection) -> list[str]:
    query = (
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition and relname <> 'spatial_ref_sys'"
    )
    return list(connection.scalars(text(query)))


@pytest.fixture
async def old(fresh_database_url: str) -> AsyncIterator[OldDatabase]:
    """A database of revision 0024 with rows in every table."""
    engine = create_async_engine(fresh_database_url, poolclass=NullPool)
    database = OldDatabase(fresh_database_url, engine)
    await database.downgrade(BASE)
    await database.run(lambda connection: EveryTable(connection, read_tables(connection)).fill())
    await database.run(lambda connection: connection.execute(text(HAND_OVER)))
    yield database
    await engine.dispose()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_migration_keeps_every_row(old: OldDatabase) -> None:
    """Only two of twenty migrations were ever run on tables with rows."""
    forced = await old.names(FORCED)
    before = await old.counts()
    assert min(before.values()) > 0
    for revision in old.revisions:
        await old.upgrade(revision)
        after = await old.counts()
        grown = FILLED_BY.get(revision, set())
        lost = {n: c for n, c in before.items() if n in after and n not in grown and after[n] != c}
        assert lost == {}, f"{revision} changed the number of rows"
        assert await old.names(NOT_VALID) == [], f"{revision} leaves a constraint unchecked"
        assert set(forced) <= set(await old.names(FORCED)), f"{revision} lifts row-level security"
        before = after
    await asyncio.to_thread(command.check, old.configuration)
    before = await old.counts()
    await old.downgrade(BASE)
    after = await old.counts()
    assert {n: c for n, c in before.items() if after.get(n, c) != c} == {}
    await old.upgrade("head")


async def test_what_an_older_revision_can_not_hold_is_deleted(old: OldDatabase) -> None:
    """The owner deleted none of these rows: customers saw the cases, the step back of 0003 failed.

    Both steps are older than row-level security by store, and were only run by superusers.
    """
    await old.run(lambda connection: [connection.execute(text(one)) for one in ROWS_OF_TODAY])
    before = await old.counts()
    await old.downgrade("0021")
    assert (await old.counts())["ticket"] == before["ticket"] - 1
    await old.downgrade("0002")
    assert (await old.counts())["stock_entry"] == before["stock_entry"] - 1
    await old.upgrade("head")


async def test_riders_of_several_companies_are_not_lost_by_a_downgrade(
    fresh_database_url: str,
) -> None:
    """The step back failed with the text of a unique constraint; it says what to do."""
    engine = create_async_engine(fresh_database_url, poolclass=NullPool)
    database = OldDatabase(fresh_database_url, engine)
    rider = Base.metadata.tables["rider"]
    async with AsyncSession(engine) as session:
        person = await insert_row(session, Base.metadata.tables["person"])
        for _ in range(2):
            company = await insert_row(session, Base.metadata.tables["company"])
            await insert_row(
                session, rider, person_id=person.id, company_id=company.id, status="OFFLINE"
            )
        await session.commit()
    with pytest.raises(CommandError, match=r"^0042 can't be undone: 1 people ride for several"):
        await database.downgrade("0041")
    await database.run(lambda connection: connection.execute(delete(rider)))
    await database.downgrade("0041")
    await engine.dispose()


def test_a_migration_that_changes_rows_lifts_row_level_security() -> None:
    """It is forced for the owner of the tables too, who then changes no row and gets no error."""
    folder = ROOT / "migrations" / "versions"
    changing = {
        path.name: path.read_text()
        for path in folder.glob("*.py")
        if path.name not in BEFORE_THE_POLICIES and CHANGES_ROWS.search(path.read_text())
    }
    assert "0033_payment_attempts.py" in changing
    assert [name for name, source in changing.items() if "no force row level" not in source] == []
