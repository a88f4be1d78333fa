"""Which client a request comes from, behind proxies and without."""

import random

import pytest

from server.transport.client_address import FORWARDED, INVALID_CLIENT, TrustedProxies
from server.transport.connection_caps import ConnectionCaps
from server.transport.http.fast_endpoint import FastEndpoint
from server.transport.http.fast_request import FastRequest
from server.transport.limits import TransportLimits
from services.core.network_address import parse_network
from tests.support.server.raw_client import post, raw_connection
from tests.support.server.small_server import RunningServer, run_small_server
from tests.support.server.websocket_client import open_socket

HELLO = b'{"query": "{ hello }"}'
CLIENT = "203.0.113.7"
PROXIES = TrustedProxies(("10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1"))


@pytest.mark.parametrize(
    ("value", "client"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}, 10.1.2.3", CLIENT),
        (f"6.6.6.6, {CLIENT}, 10.1.2.3, 10.0.0.9", CLIENT),
        (f"6.6.6.6,{CLIENT}", CLIENT),
        (f"{CLIENT}:41234", CLIENT),
        ("[2001:db8:1:2::3]:443", "2001:db8:1:2::3"),
        ("2001:db8:1:2::3", "2001:db8:1:2::3"),
        (f"::ffff:{CLIENT}", CLIENT),
        ("10.1.2.3, 10.0.0.1", "10.1.2.3"),
        ("unknown", INVALID_CLIENT),
        (f"{CLIENT}, unknown", INVALID_CLIENT),
        (f"{CLIENT}, _hidden, 10.1.2.3", INVALID_CLIENT),
        (",", INVALID_CLIENT),
        ("6.6.6.6, " * 5_000 + CLIENT, CLIENT),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(value: str, client: str) -> None:
    """What stands before it was written by the client, who may invent it."""
    assert PROXIES.client_of(value) == client


@pytest.mark.parametrize(
    ("value", "client"),
    [
        (f"for={CLIENT}", CLIENT),
        (f"for=6.6.6.6, for={CLIENT};proto=https;by=10.0.0.1, for=10.1.2.3", CLIENT),
        ('For="[2001:db8:1:2::3]:4711"', "2001:db8:1:2::3"),
        ("for=unknown", INVALID_CLIENT),
        ("for=_hidden", INVALID_CLIENT),
        ("proto=https", INVALID_CLIENT),
    ],
)
def test_the_header_of_the_standard_is_read_where_it_is_set(value: str, client: str) -> None:
    """A proxy sends Forwarded: all its clients would share one address and its limits."""
    proxies = TrustedProxies(("10.0.0.0/8",), FORWARDED)
    assert proxies.client_of(value) == client


def test_a_client_without_an_address_is_limited_like_a_stranger() -> None:
    """'unknown' is how this machine's own sockets are named: those have no limits."""
    assert parse_network(PROXIES.client_of("unknown")).limited


def test_no_invented_chain_changes_the_client() -> None:
    """Generated: whatever the client writes before, the proxy's own word counts."""
    rng = random.Random(11)
    parts = ["10.0.0.1", "127.0.0.1", "6.6.6.6", "unknown", "", "x" * 50, "[::1]", ";=", "for="]
    for _ in range(500):
        invented = ",".join(rng.choices(parts, k=rng.randrange(8)))
        hops = "".join(f", 10.0.0.{rng.randrange(256)}" for _ in range(rng.randrange(3)))
        assert PROXIES.client_of(f"{invented}, {CLIENT}{hops}") == CLIENT


@pytest.fixture
def seen_clients(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clients of the requests that took the fast path."""
    clients: list[str] = []
    begin = FastEndpoint.begin

    def recorded(self: FastEndpoint, request: FastRequest) -> object:
        clients.append(request.head.client)
        return begin(self, request)

    monkeypatch.setattr(FastEndpoint, "begin", recorded)
    return clients


def forwarded(address: str) -> bytes:
    return post(
        HELLO, headers=b"x-forwarded-for: %b\r\nx-forwarded-proto: https\r\n" % address.encode()
    )


async def test_requests_behind_a_proxy_take_the_fast_path_with_their_own_client(
    served: RunningServer, seen_clients: list[str]
) -> None:
    """Every request of a proxy went through ASGI, and took four times as long."""
    async with raw_connection(served.port) as connection:
        for address in (CLIENT, CLIENT, "203.0.113.8", "2001:db8:1:2::3"):
            await connection.send(forwarded(address))
            assert (await connection.response())[0] == 200
    assert seen_clients == [CLIENT, CLIENT, "203.0.113.8", "2001:db8:1:2::3"]


async def test_the_header_of_strangers_means_nothing(seen_clients: list[str]) -> None:
    """Whoever sends the header themselves would have a new address for each request."""
    caps = ConnectionCaps(proxies=TrustedProxies(("10.0.0.0/8",)))
    async with (
        run_small_server(TransportLimits(), caps=caps) as served,
        raw_connection(served.port) as connection,
    ):
        await connection.send(forwarded(CLIENT))
        assert (await connection.response())[0] == 200
    assert seen_clients == ["127.0.0.1"]


async def test_sockets_and_ordinary_requests_have_the_client_of_their_proxy(
    served: RunningServer,
) -> None:
    """All entry points agree: GET, POST and sockets."""
    clients: list[str] = served.seen.clients
    clients.clear()
    head = (
        b"host: here\r\nx-forwarded-for: 6.6.6.6\r\nX-Forwarded-For: %b\r\n\r\n" % CLIENT.encode()
    )
    async with raw_connection(served.port) as connection:
        await connection.send(b"GET /graphql?query={hello} HTTP/1.1\r\n" + head)
        assert (await connection.response())[0] == 200
    named = {"X-Forwarded-For": f"6.6.6.6, {CLIENT}"}
    async with open_socket(served.socket_url, additional_headers=named) as socket:
        await socket.init()
    assert clients == [CLIENT, CLIENT]
