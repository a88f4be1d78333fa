"""Fixtures of fault tests: real server processes on data of their own."""

import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from database.sessions import Database
from local import process
from models.identity import Grant, Role
from tests.support import city as cities
from tests.support.city import City
from tests.support.faults import process_group
from tests.support.faults.http_client import FaultScenario, create_scenario
from tests.support.faults.process_group import ServerGroup
from tests.support.server.databases import FOLDER

FOLDER_PREFIX = "servers-"


@pytest.fixture(scope="session")
def servers() -> Iterator[ServerGroup]:
    """All processes of a deployment, with an empty database."""
    for folder in FOLDER.glob(f"{FOLDER_PREFIX}*"):
        if not process.alive(int(folder.name.removeprefix(FOLDER_PREFIX))):
            process_group.remove_leftovers(folder)
    group = process_group.new_server_group(FOLDER / f"{FOLDER_PREFIX}{os.getpid()}")
    try:
        group.start()
        yield group
    finally:
        group.stop()


@pytest.fixture
async def server_database(servers: ServerGroup) -> AsyncIterator[Database]:
    """New connections to the servers' database: an earlier test may have killed the old ones."""
    opened = servers.open_database()
    yield opened
    await opened.close()


@pytest.fixture
async def own_city(server_database: Database) -> City:
    """Two new companies with four stores and 500 units of each product."""
    return await cities.build_city(server_database, on_hand=500)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


@pytest.fixture(scope="module")
async def scenario(servers: ServerGroup) -> AsyncIterator[FaultScenario]:
    """Two customers, one of them with an order, and one user of each other role."""
    server_database = servers.open_database()
    city = await cities.build_city(server_database, on_hand=500)
    company, store = city.company.id, city.near.id
    staff = {
        "picker": Grant(Role.STORE_STAFF, company, store),
        "manager": Grant(Role.STORE_MANAGER, company, store),
        "company_admin": Grant(Role.COMPANY_ADMIN, company),
        "foreign_admin": Grant(Role.COMPANY_ADMIN, city.second.id),
        "foreign_agent": Grant(Role.SUPPORT_AGENT, city.second.id),
        "agent": Grant(Role.SUPPORT_AGENT, company),
        "rider": Grant(Role.RIDER, company),
        "super_admin": Grant(Role.SUPER_ADMIN),
    }
    async with aiohttp.ClientSession() as http:
        created = await create_scenario(servers, server_database, city, http, staff)
        yield created
        await created.counter.close()
    await server_database.close()
