"""A server that stops: it closes its connections one by one, and accepts no new ones."""

import asyncio

import httpx
import pytest

from server.transport.connections import LiveConnections
from server.transport.limits import TransportLimits
from server.transport.rejection import RequestRejected
from tests.server.transport.test_sse import EVENTS
from tests.support.server.small_server import run_small_server
from tests.support.server.websocket_client import open_socket

COUNT = "subscription { count(to: 1000, seconds: 0.05) { number } }"


def test_a_drain_asks_one_connection_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all clients reconnect at once. Time is what was paused for, not what has passed."""
    paused_for: list[float] = []
    asked_at: list[float] = []

    async def pause(seconds: float) -> None:
        paused_for.append(seconds)

    async def drain() -> int:
        connections = LiveConnections()

        def connect() -> None:
            def close() -> None:
                asked_at.append(sum(paused_for))
                unregister()

            unregister = connections.register("here", close)

        for _ in range(20):
            connect()
        return await connections.drain(spread_seconds=0.6)

    monkeypatch.setattr(asyncio, "sleep", pause)
    assert asyncio.run(drain()) == 0
    assert asked_at == pytest.approx([0.03 * number for number in range(20)])


async def test_a_drain_closes_every_connection_and_every_source() -> None:
    async with (
        run_small_server(TransportLimits()) as served,
        httpx.AsyncClient(timeout=5) as client,
    ):

        async def subscribe_by_socket() -> tuple[int, str]:
            async with open_socket(served.socket_url) as socket:
                await socket.init()
                await socket.subscribe("1", COUNT)
                return await socket.wait_closed()

        async def subscribe_by_events() -> str:
            response = await client.post(served.url, json={"query": COUNT}, headers=EVENTS)
            return response.text

        clients = asyncio.gather(
            *(subscribe_by_socket() for _ in range(10)), *(subscribe_by_events() for _ in range(10))
        )
        while served.seen.numbers_sent < 100:  # noqa: ASYNC110 - the tally has no event
            await asyncio.sleep(0.01)
        assert await served.connections.drain(spread_seconds=0.6) == 0
        ends = await clients
        assert ends[:10] == [(1012, "reconnect")] * 10
        # No `complete`: the client knows that there is more, and reconnects.
        assert all("event: next" in str(end) and "complete" not in str(end) for end in ends[10:])
        assert served.seen.sources_open == 0
        async with open_socket(served.socket_url) as rejected:
            assert (await rejected.wait_closed())[0] == 1013
        response = await client.post(served.url, json={"query": COUNT}, headers=EVENTS)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await client.post(served.url, json={"query": "{ hello }"})).status_code == 200


async def test_a_full_server_rejects_connections_until_one_is_closed() -> None:
    connections = LiveConnections(max_count=1)
    with connections.registered("here", lambda: None), pytest.raises(RequestRejected, match="full"):
        connections.check_capacity("here")
    connections.check_capacity("here")


async def test_a_drain_counts_connections_that_stay_open() -> None:
    connections = LiveConnections()
    with connections.registered("here", lambda: None):
        assert await connections.drain(spread_seconds=0, grace_seconds=0.05) == 1
