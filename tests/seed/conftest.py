"""The seeded database, shared by all tests of this folder."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from database.sessions import Database
from seed import SeedSummary, seed
from tests.support.server.databases import clone_database


@dataclass(frozen=True)
class SeededDatabase:
    """A seeded database, and the summary and progress messages of the first run."""

    url: str
    database: Database
    summary: SeedSummary
    messages: list[str]


@pytest.fixture(scope="session")
async def seeded(postgres_url: str, template: str) -> AsyncIterator[SeededDatabase]:
    async with clone_database(postgres_url, template) as url:
        messages: list[str] = []
        summary = await seed(url, report=messages.append)
        database = Database(url)
        yield SeededDatabase(url, database, summary, messages)
        await database.close()
