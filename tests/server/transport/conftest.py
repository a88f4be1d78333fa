"""One server for the room's tests, and the promise that nothing is logged as an error."""

import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from server.transport import WireLimits
from tests.support.server.small_server import Served, serve

QUICK = WireLimits(
    request_seconds=0.5,
    body_seconds=0.5,
    stream_heartbeat_seconds=0.2,
    stalled_seconds=0.5,
    init_seconds=0.4,
    socket_heartbeat_seconds=0.2,
    pong_seconds=0.2,
    goodbye_seconds=0.3,
)


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Served]:
    async with serve(QUICK) as running:
        yield running


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.root, timeout=5) as http:
        yield http


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test of the wire may leave an error in the log, but those that break things on purpose."""
    yield
    if "breaks_on_purpose" not in request.node.name:
        records = caplog.get_records("call")
        loud = [record for record in records if record.levelno >= logging.ERROR]
        assert [record.getMessage() for record in loud] == []
