"""A request names one host, whatever way it takes (RFC 9112, 3.2)."""

import pytest

from tests.server.transport.test_request_heads import WAYS
from tests.support.server.raw_client import raw_connection
from tests.support.server.small_server import RunningServer

INVALID = (
    b"", b"host: a\r\nhost: a\r\n", b"host: a\r\nHost: b\r\n", b"host: a/b\r\n",
    b"host: a b\r\n", b"host: user@a\r\n", b"host: a:b\r\n", b"host: [::1\r\n",
    b"host: http://a\r\n", b"host: a,b c\r\n", b"host: \xc3\xa9.org\r\n", b"host: a%zz\r\n",
    b"host: a:123456\r\n", b"host: a?b\r\n", b"host: a#b\r\n", b"host: a\\b\r\n",
)  # fmt: skip
VALID = (
    b"host: shop.example.org\r\n", b"host: shop.example.org:8000\r\n", b"HOST: 127.0.0.1:80\r\n",
    b"host: [::1]:8000\r\n", b"host: [2001:db8::1]\r\n", b"host: a_b.internal\r\n",
    b"host:\r\n", b"host: xn--caf-dma.org\r\n", b"host: a:\r\n", b"host:  a \r\n",
)  # fmt: skip


async def status(served: RunningServer, request: bytes) -> tuple[int, bytes]:
    async with raw_connection(served.port) as connection:
        await connection.send(request)
        return await connection.response()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lines", INVALID)
async def test_a_request_without_one_valid_host_is_refused(
    served: RunningServer, way: str, lines: bytes
) -> None:
    """No host, two of them or what is none: a proxy and the server could read it differently."""
    build, _ = WAYS[way]
    refused, body = await status(served, build(b"").replace(b"host: here\r\n", lines))
    assert refused == 400
    assert b"BAD_REQUEST" in body
    assert b"Host" in body


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lines", VALID)
async def test_a_valid_host_is_accepted(served: RunningServer, way: str, lines: bytes) -> None:
    build, expected = WAYS[way]
    accepted, _ = await status(served, build(b"").replace(b"host: here\r\n", lines))
    assert accepted == expected


async def test_http_1_0_needs_no_host(served: RunningServer) -> None:
    """Load balancers probe with it."""
    accepted, _ = await status(served, b"GET /graphql?query={hello} HTTP/1.0\r\n\r\n")
    assert accepted == 200


async def test_a_second_request_of_a_connection_needs_its_host_too(served: RunningServer) -> None:
    """A head that equals the last one is not parsed again; another one is."""
    build, _ = WAYS["fast"]
    async with raw_connection(served.port) as connection:
        for host, expected in ((b"host: here\r\n", 200), (b"host: here\r\n", 200), (b"", 400)):
            await connection.send(build(b"").replace(b"host: here\r\n", host))
            found, _ = await connection.response()
            assert found == expected
