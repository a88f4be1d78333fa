"""The town of these tests: real processes, on data of their own."""

import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from database.sessions import Database
from local import process
from models.identity import Grant, Role
from tests.conftest import FOLDER
from tests.support import city
from tests.support.city import City
from tests.support.faults import process_group
from tests.support.faults.http_client import Neighborhood, settle_in
from tests.support.faults.process_group import Town

NAMED = "town-"


@pytest.fixture(scope="session")
def running() -> Iterator[Town]:
    """A store in processes of its own, with nobody in it yet."""
    for folder in FOLDER.glob(f"{NAMED}*"):
        if not process.alive(int(folder.name.removeprefix(NAMED))):
            process_group.clear_away(folder)
    town = process_group.found(FOLDER / f"{NAMED}{os.getpid()}")
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
    return await city.build(books, on_hand=500)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


@pytest.fixture(scope="module")
async def neighborhood(running: Town) -> AsyncIterator[Neighborhood]:
    """Two customers, one with an order, and one person of each other role."""
    books = running.database()
    quarter = await city.build(books, on_hand=500)
    company, store = quarter.company.id, quarter.near.id
    staff = {
        "picker": Grant(Role.STORE_STAFF, company, store),
        "manager": Grant(Role.STORE_MANAGER, company, store),
        "company_admin": Grant(Role.COMPANY_ADMIN, company),
        "foreign_admin": Grant(Role.COMPANY_ADMIN, quarter.second.id),
        "foreign_agent": Grant(Role.SUPPORT_AGENT, quarter.second.id),
        "agent": Grant(Role.SUPPORT_AGENT, company),
        "rider": Grant(Role.RIDER, company),
        "super_admin": Grant(Role.SUPER_ADMIN),
    }
    async with aiohttp.ClientSession() as http:
        yield await settle_in(running, books, quarter, http, staff)
    await books.close()
