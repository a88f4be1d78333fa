"""The readiness of a process, which anybody may ask for."""

import asyncio

from database.sessions import Database
from resolvers.context import Container
from server.endpoints.probes import KEPT_SECONDS, DatabaseProbe
from tests.support.graph_queries import record_statements


async def test_the_database_is_asked_once_however_many_ask_for_the_readiness(
    container: Container,
) -> None:
    """Each request of anybody cost a statement, and nothing was paid for it."""
    now = 0.0
    probe = DatabaseProbe(container.database, lambda: now)
    with record_statements(container.database) as statements:
        answers = await asyncio.gather(*(probe.answers() for _ in range(50)))
        assert await probe.answers()
    assert all(answers)
    assert sum("select 1" in statement for statement in statements) == 1
    now += KEPT_SECONDS
    with record_statements(container.database) as statements:
        assert await probe.answers()
    assert any("select 1" in statement for statement in statements)


async def test_an_asker_who_leaves_takes_the_answer_from_nobody(container: Container) -> None:
    """All wait for the same question."""
    probe = DatabaseProbe(container.database, lambda: 0.0)
    leaving, staying = (asyncio.create_task(probe.answers()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying


async def test_a_database_that_is_away_makes_the_process_not_ready() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    assert not await DatabaseProbe(database).answers()
    await database.close()
