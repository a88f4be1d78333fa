"""Which states rows really left: triggers of the test's database note it, whatever moved a row.

`@pytest.mark.leaves("Hold.HELD")` names the states of machines that a test moves a row out of;
the test fails if it does not. `tests/resolvers/test_operations.py` compares these names, and what
the played operations leave, with all states that a row is meant to leave.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.paths import ROOT
from tests.support.server.databases import superuser

PREPARE = """
create table left_state (name text not null);
grant insert on left_state to public;
create function note_left_state() returns trigger language plpgsql as $$ begin
  insert into left_state values (tg_argv[0] || '.' || old.status); return null;
end $$;
"""
NOTE = """
create trigger note_left_state after update of status on "{table}" for each row
when (old.status is distinct from new.status) execute function note_left_state('{name}');
"""
CLEAR = """
drop function if exists note_left_state cascade;
drop table if exists left_state;
"""
MARK = re.compile(r"pytest\.mark\.leaves\(([^)]*)\)")
NAME = re.compile(r'"(\w+\.\w+)"')


class LeftStates:
    """The states that rows leave while they are watched."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def names(self) -> set[str]:
        """Each as "Machine.STATE"."""
        rows = await self._connection.fetch("select distinct name from left_state")
        return {str(row["name"]) for row in rows}


@asynccontextmanager
async def watch_left_states(database_url: str) -> AsyncIterator[LeftStates]:
    """Note which states rows of a database leave."""
    # All of services is imported for it: only by tests that need it.
    from server.commands.states import find_machines

    notes = [NOTE.format(table=m.model.__table__.name, name=m.name) for m in find_machines()]
    async with superuser(database_url) as connection:
        await connection.execute(CLEAR + PREPARE + "".join(notes))
        yield LeftStates(connection)
        await connection.execute(CLEAR)


@pytest.fixture
async def declared_left_states(
    request: pytest.FixtureRequest, database_url: str
) -> AsyncIterator[None]:
    """Fails a test that does not move a row out of every state that its mark names."""
    async with watch_left_states(database_url) as left:
        yield
        marks = request.node.iter_markers("leaves")
        assert {name for mark in marks for name in mark.args} - await left.names() == set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watch the tests that are marked."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("leaves"):
            item.fixturenames.insert(0, "declared_left_states")


def declared_states() -> set[str]:
    """The states that marks of tests name."""
    files = (ROOT / "tests").rglob("test_*.py")
    marks = (mark for file in files for mark in MARK.findall(file.read_text()))
    return {name for mark in marks for name in NAME.findall(mark)}
