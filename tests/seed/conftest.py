"""The whole city, seeded once for all tests of this room."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from database.sessions import Database
from seed import Summary, seed
from tests.conftest import cloned


@dataclass(frozen=True)
class Seeded:
    """A database that holds the seed, and what seeding it the first time said."""

    url: str
    database: Database
    summary: Summary
    said: list[str]


@pytest.fixture(scope="session")
async def seeded(postgres_url: str, template: str) -> AsyncIterator[Seeded]:
    async with cloned(postgres_url, template) as url:
        said: list[str] = []
        summary = await seed(url, say=said.append)
        database = Database(url)
        yield Seeded(url, database, summary, said)
        await database.close()
