import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from local.valkey import Valkey, valkey
from models.identity import Grant, Role
from resolvers.context import Container
from subscriptions.engine import hub
from tests.support.actors import ActorClient, create_client
from tests.support.server.databases import FOLDER
from tests.support.streams.server_process import StreamProcess, start_process


@pytest.fixture
def broadcast_server() -> Iterator[Valkey]:
    """A Valkey server that the test may kill and restart."""
    folder = FOLDER / f"broadcast-valkey-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    server = valkey(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def without_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no sweep of the log deliver events: only notices do. Request it before a process."""
    monkeypatch.setattr(hub, "SWEEP_SECONDS", 3600.0)


@pytest.fixture
async def process(database_url: str, redis_url: str) -> AsyncIterator[StreamProcess]:
    """A server process."""
    async with start_process(database_url, redis_url) as started:
        yield started


@pytest.fixture
async def other_process(database_url: str, redis_url: str) -> AsyncIterator[StreamProcess]:
    """Another server process, which shares only PostgreSQL and Redis."""
    async with start_process(database_url, redis_url) as started:
        yield started


@pytest.fixture
async def customer(container: Container) -> ActorClient:
    """A customer without orders: the number of unpaid orders per customer is limited."""
    return await create_client(container, "Customer", Grant(Role.CUSTOMER))


@pytest.fixture
def user(request: pytest.FixtureRequest, container: Container) -> ActorClient:
    """The actor of another fixture, by its name, which needs the container."""
    client: ActorClient = request.getfixturevalue(request.param)
    return client
