from collections.abc import AsyncIterator

import pytest

from database.sessions import Database
from models.identity import Actor
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import people
from tests.support.payments import Shop, open_shop
from tests.support.stripe_simulator import Desk, opened


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The session's database, through the application's two roles."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def city(database: Database) -> City:
    """A city of the test's own."""
    return await cities.build(database)


@pytest.fixture(scope="module")
async def opened_desk() -> AsyncIterator[Desk]:
    async with opened() as one:
        yield one


@pytest.fixture
async def shop(database: Database, opened_desk: Desk) -> AsyncIterator[Shop]:
    await opened_desk.start_over()
    async with open_shop(database, opened_desk) as one:
        yield one


@pytest.fixture
async def buyer(database: Database) -> Actor:
    return (await people(database))[0]
