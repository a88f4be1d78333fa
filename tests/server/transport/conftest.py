"""One server for all tests of the transport, which may log no error."""

import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from server.transport.limits import TransportLimits
from tests.support.server.small_server import RunningServer, run_small_server

QUICK = TransportLimits(
    request_seconds=0.5,
    head_seconds=0.5,
    clock_leeway_seconds=0,
    body_seconds=0.5,
    unread_body_seconds=0.5,
    last_read_seconds=0.5,
    stream_heartbeat_seconds=0.2,
    stalled_seconds=0.5,
    init_seconds=0.4,
    socket_heartbeat_seconds=0.2,
    pong_seconds=0.2,
    last_frames_seconds=0.3,
)


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[RunningServer]:
    async with run_small_server(QUICK) as running:
        yield running


@pytest.fixture
async def client(served: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.root, timeout=60) as http:
        yield http


@pytest.fixture(autouse=True)
def no_logged_errors(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """No test may log an error, except those that cause one on purpose."""
    yield
    if "on_purpose" not in request.node.name:
        records = caplog.get_records("call")
        errors = [record for record in records if record.levelno >= logging.ERROR]
        assert [record.getMessage() for record in errors] == []
