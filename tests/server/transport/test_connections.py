"""A server that leaves: its connections go one after another, and no new ones come."""

import asyncio

import httpx
import pytest

from server.transport import LiveConnections, WireLimits
from server.transport.rejected import Rejected
from tests.server.transport.test_sse import EVENTS
from tests.support.server.small_server import serve
from tests.support.server.websocket_client import talk

COUNT = "subscription { count(to: 1000, seconds: 0.05) { number } }"


async def test_a_drain_spreads_the_goodbyes_and_closes_every_source() -> None:
    async with serve(WireLimits()) as served, httpx.AsyncClient(timeout=5) as client:
        loop = asyncio.get_running_loop()
        left: list[float] = []

        async def watch() -> tuple[int, str]:
            async with talk(served.socket_url) as t:
                await t.init()
                await t.subscribe("1", COUNT)
                end = await t.until_closed()
                left.append(loop.time())
                return end

        async def read() -> str:
            response = await client.post(served.url, json={"query": COUNT}, headers=EVENTS)
            left.append(loop.time())
            return response.text

        readers = asyncio.gather(*(watch() for _ in range(10)), *(read() for _ in range(10)))
        while served.tally.numbers_made < 100:  # noqa: ASYNC110 - the tally has no event
            await asyncio.sleep(0.01)
        assert await served.connections.drain(spread_seconds=0.6) == 0
        ends = await readers
        assert ends[:10] == [(1012, "reconnect")] * 10
        # No `complete`: the reader knows that there is more, and comes back.
        assert all("event: next" in str(end) and "complete" not in str(end) for end in ends[10:])
        assert served.tally.sources_open == 0
        assert 0.4 < max(left) - min(left) < 2
        async with talk(served.socket_url) as late:
            assert (await late.until_closed())[0] == 1013
        response = await client.post(served.url, json={"query": COUNT}, headers=EVENTS)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await client.post(served.url, json={"query": "{ hello }"})).status_code == 200


async def test_a_full_server_refuses_and_a_freed_place_is_taken() -> None:
    connections = LiveConnections(max_count=1)
    with connections.held(lambda: None), pytest.raises(Rejected, match="full"):
        connections.check_room()
    connections.check_room()


async def test_a_connection_that_will_not_leave_is_counted() -> None:
    connections = LiveConnections()
    with connections.held(lambda: None):
        assert await connections.drain(spread_seconds=0, grace_seconds=0.05) == 1
