import pytest

from database.sessions import Database
from models.identity import Actor, Grant, Role
from tests.services.conftest import city, database
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking

__all__ = ["city", "database"]


@pytest.fixture
def ask(database: Database) -> Asking:
    return Asking(database)


@pytest.fixture
async def buyer(database: Database) -> Actor:
    """A customer of the test's own."""
    return (await people(database))[0]


@pytest.fixture
async def staff(database: Database, city: City) -> Actor:
    """One who picks in the city's nearest store."""
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    return (await people(database, 1, grant))[0]


@pytest.fixture
async def manager(database: Database, city: City) -> Actor:
    """One who manages the city's nearest store."""
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    return (await people(database, 1, grant))[0]


@pytest.fixture
async def owner(database: Database, city: City) -> Actor:
    """One who runs the city's first company."""
    return (await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


@pytest.fixture
async def stranger(database: Database, city: City) -> Actor:
    """One who runs the city's other company."""
    return (await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id)))[0]
