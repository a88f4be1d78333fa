"""The town of these tests: real processes, on data of their own."""

import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from local import process
from models.database import Database
from tests import city as cities
from tests.city import City
from tests.conftest import FOLDER
from tests.faults import town as towns
from tests.faults.town import Town

NAMED = "town-"


@pytest.fixture(scope="session")
def running() -> Iterator[Town]:
    """A store in processes of its own, with nobody in it yet."""
    for folder in FOLDER.glob(f"{NAMED}*"):
        if not process.alive(int(folder.name.removeprefix(NAMED))):
            towns.clear_away(folder)
    town = towns.found(FOLDER / f"{NAMED}{os.getpid()}")
    try:
        town.start()
        yield town
    finally:
        town.stop()


@pytest.fixture
async def books(running: Town) -> AsyncIterator[Database]:
    """Handles on the town's database, fresh for each test: it may have been killed since."""
    opened = running.database()
    yield opened
    await opened.close()


@pytest.fixture
async def quarter(books: Database) -> City:
    """A new part of the town: two companies, four stores, with much on their shelves."""
    return await cities.build(books, on_hand=500)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session
