"""The clients that people use, each against the real wire: query, error, subscription, return."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from server.transport.limits import TransportLimits
from tests.support.plugins.missing_programs import needs
from tests.support.server.small_server import RunningServer, run_small_server

HERE = Path(__file__).parent

javascript = needs(
    "the JavaScript clients",
    present=shutil.which("node") is not None and (HERE / "node_modules").is_dir(),
    install="install node and npm, then make clients",
)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[RunningServer]:
    limits = TransportLimits(stream_heartbeat_seconds=0.5, clock_leeway_seconds=0)
    async with run_small_server(limits) as running:
        yield running


async def run(script: str, served: RunningServer) -> str:
    node = await asyncio.create_subprocess_exec(
        "node",
        script,
        served.url,
        served.socket_url,
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            out, _ = await node.communicate()
    finally:
        if node.returncode is None:
            node.kill()
    said = out.decode()
    assert node.returncode == 0, said
    return said


@javascript
async def test_all_audits_of_graphql_over_http_are_met(served: RunningServer) -> None:
    assert "61 of 61 audits met" in await run("audit.mjs", served)


@javascript
@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse", "apollo", "urql"])
async def test_a_javascript_client_is_content(served: RunningServer, client: str) -> None:
    assert "is content" in await run(f"{client}.mjs", served)


async def test_gql_speaks_http(served: RunningServer) -> None:
    transport = HTTPXAsyncTransport(served.url, headers={"authorization": "Bearer ana"})
    async with Client(transport=transport) as session:
        assert await session.execute(gql("{ caller }")) == {"caller": "ana"}
        with pytest.raises(TransportQueryError, match="broken on purpose"):
            await session.execute(gql("{ broken }"))


async def test_gql_speaks_graphql_transport_ws(served: RunningServer) -> None:
    transport = WebsocketsTransport(
        served.socket_url, init_payload={"authorization": "Bearer ana"}, ping_interval=1
    )
    async with Client(transport=transport) as session:
        assert await session.execute(gql("{ caller }")) == {"caller": "ana"}
        with pytest.raises(TransportQueryError):
            await session.execute(gql("{ nothing }"))
        query = gql("subscription { count(to: 3) { number } }")
        numbers = [result["count"]["number"] async for result in session.subscribe(query)]
        assert numbers == [1, 2, 3]
