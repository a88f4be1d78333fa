from collections.abc import AsyncIterator

import pytest

from models.database import APPLICATION_ROLE, CATALOG_ROLE, Database, open_engine
from tests import city as cities
from tests.city import City


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The session's database, through the application's two roles."""
    opened = Database(
        open_engine(database_url, APPLICATION_ROLE), open_engine(database_url, CATALOG_ROLE)
    )
    yield opened
    await opened.close()


@pytest.fixture
async def city(database: Database) -> City:
    """A city of the test's own."""
    return await cities.build(database)
