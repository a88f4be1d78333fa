import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from local.valkey import Valkey, valkey
from models.identity import Grant, Role
from resolvers.context import House
from tests.conftest import FOLDER
from tests.support.actors import Standing, stand
from tests.support.streams.server_process import Process, process


@pytest.fixture
def carrier_server() -> Iterator[Valkey]:
    """A Valkey that the test may kill and start again."""
    place = FOLDER / "valkey-carrier"
    shutil.rmtree(place, ignore_errors=True)
    server = valkey(place)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
async def here(database_url: str, redis_url: str) -> AsyncIterator[Process]:
    """A process of the server."""
    async with process(database_url, redis_url) as opened:
        yield opened


@pytest.fixture
async def there(database_url: str, redis_url: str) -> AsyncIterator[Process]:
    """Another process of the server, which shares nothing but Postgres and Redis."""
    async with process(database_url, redis_url) as opened:
        yield opened


@pytest.fixture
async def customer(house: House) -> Standing:
    """Somebody who has ordered nothing: one customer may have but a few unpaid orders."""
    return await stand(house, "Watcher", Grant(Role.CUSTOMER))


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> Standing:
    """One of the standing people, by the name of their fixture."""
    found: Standing = request.getfixturevalue(request.param)
    return found
