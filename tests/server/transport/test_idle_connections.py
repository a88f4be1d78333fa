"""Nothing idle stays: each part of a request has a time, and each address a number of places."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from server.transport.client_address import TrustedProxies
from server.transport.connection_caps import ConnectionCaps
from server.transport.limits import TransportLimits
from tests.server.transport.test_request_heads import UPGRADE, get
from tests.support.server.raw_client import RawConnection, post, raw_connection
from tests.support.server.small_server import PER_ADDRESS, RunningServer, run_small_server
from tests.support.server.websocket_client import open_socket
from tests.support.waiting import until

HELLO = b'{"query": "{ hello }"}'
QUICK = TransportLimits(
    head_seconds=0.5, body_seconds=0.5, unread_body_seconds=0.5, last_read_seconds=0.3,
    stalled_seconds=0.5, body_bytes_per_second=1_000_000,
)  # fmt: skip
NO_PROXY = TrustedProxies(())
PLACES = 5


async def drip(connection: RawConnection, byte: bytes = b"x") -> None:
    """Send a byte from time to time until the server closes."""
    while not connection.reader.at_eof() and not connection.writer.is_closing():
        await connection.send(byte)
        await asyncio.sleep(0.05)


async def is_cut(connection: RawConnection) -> bool:
    """Whether the server closes while the client goes on to drip."""
    dripping = asyncio.create_task(drip(connection))
    try:
        return await connection.closed()
    finally:
        dripping.cancel()


@pytest.fixture
async def small() -> AsyncIterator[RunningServer]:
    """A server with short times, and five places for an address."""
    caps = ConnectionCaps(total=3 * PLACES, per_address=PLACES, proxies=NO_PROXY)
    async with run_small_server(QUICK, keep_alive_seconds=1, caps=caps) as running:
        yield running


BEGUN = {
    "nothing": b"",
    "half a line": b"POST /graphql HT",
    "half a head": b"POST /graphql HTTP/1.1\r\nhost: here\r\nx-pad: ",
    "half an upgrade": get(UPGRADE, b"/graphql")[:-10],
    "half a body": post(b"{", length=50),
    "half a large body": post(b"{", length=90_000),
    "half a chunk": post(b"")[: -len(b"content-length: 0\r\n\r\n")]
    + b"transfer-encoding: chunked\r\n\r\n50\r\n{",
    "a body for nobody": post(b"{", length=50, path="/nowhere"),
    "the begin of a second request": post(HELLO) + b"POST /gra",
    "a body with a wrong type": post(b"{", length=50, headers=b"content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize("begun", BEGUN)
async def test_whatever_is_begun_and_not_ended_is_cut(small: RunningServer, begun: str) -> None:
    """Silent and half-sent requests took every descriptor and kept it; bytes that drip too."""
    async with raw_connection(small.port) as silent, raw_connection(small.port) as slow:
        await silent.send(BEGUN[begun])
        await slow.send(BEGUN[begun])
        assert await silent.closed()
        assert await is_cut(slow)
    await until(lambda: small.transports == 0)


async def test_a_slow_body_is_answered_before_it_is_cut(small: RunningServer) -> None:
    """The client is told 408, instead of a connection that just ends."""
    async with raw_connection(small.port) as connection:
        await connection.send(post(b"{", length=50))
        status, body = await connection.response()
        assert status == 408
        assert json.loads(body)["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"


async def test_a_body_that_comes_fast_enough_may_take_longer() -> None:
    """A large file is no slow client: every byte earns time."""
    limits = TransportLimits(body_seconds=0.3, body_bytes_per_second=1_000)
    body = b'{"query": "{ hello }"' + b" " * 20_000
    async with (
        run_small_server(limits) as served,
        raw_connection(served.port) as connection,
    ):
        await connection.send(post(body + b"}")[:-1])
        await asyncio.sleep(1)
        await connection.send(b"}")
        assert (await connection.response())[0] == 200


async def test_a_request_that_waits_for_its_answer_is_not_idle(small: RunningServer) -> None:
    """A long query would be cut as if its client had gone."""
    slow = b'{"query": "{ slow(seconds: 2) }"}'
    async with raw_connection(small.port) as fast, raw_connection(small.port) as ordinary:
        await fast.send(post(slow))
        await ordinary.send(post(slow, headers=b"expect: nothing\r\n"))
        assert [(await fast.response())[0], (await ordinary.response())[0]] == [200, 200]


async def test_a_client_that_reads_no_answer_is_cut(small: RunningServer) -> None:
    """Answers that nobody reads were kept for as long as the client acknowledged a byte."""
    big = post(b'{"query": "{ big(chars: 900000) }"}')
    async with raw_connection(small.port) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport of streams can
        await connection.send(*[big] * 20)
        await until(lambda: small.transports == 0)


async def test_an_address_has_a_number_of_connections(small: RunningServer) -> None:
    """One client took all places of a server; now others are served while it tries."""
    async with AsyncExitStack() as stack:
        for _ in range(PLACES):
            connection = await stack.enter_async_context(raw_connection(small.port))
            await connection.send(b"POST /graphql HT")
        await until(lambda: small.transports == PLACES)
        refused = await stack.enter_async_context(raw_connection(small.port))
        assert (await refused.response())[0] == 503
        assert await refused.closed()
        other = await stack.enter_async_context(raw_connection(small.port, source="127.0.0.9"))
        await other.send(post(HELLO))
        assert (await other.response())[0] == 200
    await until(lambda: small.transports == 0)
    async with raw_connection(small.port) as again:
        await again.send(post(HELLO))
        assert (await again.response())[0] == 200


async def test_a_full_server_refuses_everybody_with_503(small: RunningServer) -> None:
    """All places are taken: the next client is told so at once instead of waiting."""
    async with AsyncExitStack() as stack:
        for number in range(3 * PLACES):
            source = f"127.0.0.{number + 1}"
            await stack.enter_async_context(raw_connection(small.port, source=source))
        await until(lambda: small.transports == 3 * PLACES)
        refused = await stack.enter_async_context(raw_connection(small.port, source="127.0.0.99"))
        assert (await refused.response())[0] == 503


async def test_sockets_count_until_they_are_closed(small: RunningServer) -> None:
    """A connection that became a socket keeps its place, and gives it back at its end."""
    async with AsyncExitStack() as stack:
        for _ in range(PLACES):
            socket = await stack.enter_async_context(open_socket(small.socket_url))
            await socket.init()
        refused = await stack.enter_async_context(raw_connection(small.port))
        assert (await refused.response())[0] == 503
    await until(lambda: small.transports == 0)
    async with open_socket(small.socket_url) as socket:
        await socket.init()


async def test_behind_a_proxy_each_client_has_a_number_of_sockets() -> None:
    """1,500 anonymous sockets of one address were acknowledged, of 20,000 places in all."""
    one, other = ({"X-Forwarded-For": address} for address in ("203.0.113.7", "203.0.113.8"))
    async with run_small_server(TransportLimits()) as served, AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            opened = open_socket(served.socket_url, additional_headers=one)
            await (await stack.enter_async_context(opened)).init()
        refused = await stack.enter_async_context(
            open_socket(served.socket_url, additional_headers=one)
        )
        assert (await refused.wait_closed())[0] == 1013
        free = await stack.enter_async_context(
            open_socket(served.socket_url, additional_headers=other)
        )
        await free.init()


def test_ipv6_connections_are_counted_by_64_and_by_48() -> None:
    """Counted by address, one client had as many places as it liked."""
    caps = ConnectionCaps(per_address=2, proxies=NO_PROXY)
    admitted = [caps.admit(number, f"2001:db8:1:2::{number}") for number in range(3)]
    assert admitted == [True, True, False]
    site = [caps.admit(("site", number), f"2001:db8:1:{number + 10}::1") for number in range(20)]
    assert site == [True] * 6 + [False] * 14
    assert caps.admit("mapped", "::ffff:203.0.113.7")
    assert caps.admit("v4", "203.0.113.7")
    assert not caps.admit("third", "203.0.113.7")
    caps.release("v4")
    assert caps.admit("third", "203.0.113.7")
