import pytest

from database.sessions import Database
from models.identity import Actor, Grant, Role
from tests.services.conftest import city
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner

__all__ = ["city"]


@pytest.fixture
def ask(database: Database) -> GraphRunner:
    return GraphRunner(database)


@pytest.fixture
async def buyer(database: Database) -> Actor:
    """A customer of this test alone."""
    return (await create_people(database))[0]


@pytest.fixture
async def staff(database: Database, city: City) -> Actor:
    """A picker of the city's nearest store."""
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    return (await create_people(database, 1, grant))[0]


@pytest.fixture
async def manager(database: Database, city: City) -> Actor:
    """A manager of the city's nearest store."""
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    return (await create_people(database, 1, grant))[0]


@pytest.fixture
async def owner(database: Database, city: City) -> Actor:
    """An admin of the city's first company."""
    return (await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


@pytest.fixture
async def stranger(database: Database, city: City) -> Actor:
    """An admin of the city's other company."""
    return (await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id)))[0]
