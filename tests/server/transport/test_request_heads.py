"""The head of a request is at most 16 KB and 100 headers, whatever way it takes."""

import random
from collections.abc import Callable

import pytest

from server.transport.limits import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from tests.support.server.raw_client import RawConnection, post, raw_connection
from tests.support.server.small_server import RunningServer

HELLO = b'{"query": "{ hello }"}'
UPGRADE = (
    b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n"
)
CHUNKED = b"transfer-encoding: chunked\r\n"
SEED = 11


def get(headers: bytes, path: bytes = b"/graphql?query={hello}") -> bytes:
    return b"GET %b HTTP/1.1\r\nhost: here\r\n%b\r\n" % (path, headers)


def fast(headers: bytes) -> bytes:
    return post(HELLO, headers=headers)


def ordinary(headers: bytes) -> bytes:
    return post(HELLO, headers=b"expect: nothing\r\n" + headers)


def upgrade(headers: bytes) -> bytes:
    return get(UPGRADE + headers, b"/graphql")


def unknown_path(headers: bytes) -> bytes:
    return post(HELLO, path="/nowhere", headers=headers)


# Every way that a head can take, and the status of an ordinary one.
WAYS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "fast": (fast, 200),
    "ordinary": (ordinary, 200),
    "get": (get, 200),
    "upgrade": (upgrade, 101),
    "unknown path": (unknown_path, 404),
}


def line(size: int) -> bytes:
    return b"x-pad: %b\r\n" % (b"x" * size)


def lines(count: int) -> bytes:
    return b"".join(b"x-%d: 1\r\n" % number for number in range(count))


async def respond(served: RunningServer, *pieces: bytes) -> int:
    """Send a request; the status of its response, the connection being closed after a refusal."""
    async with raw_connection(served.port) as connection:
        await connection.send(*pieces)
        status, _ = await connection.response()
        if status in {414, 431, 0}:
            assert await connection.closed()
        return status


@pytest.mark.parametrize("way", WAYS)
async def test_ten_thousand_headers_and_a_header_of_200_kb_are_refused(
    served: RunningServer, way: str
) -> None:
    """Both were answered with 200: only bodies, frames and query strings had a limit."""
    build, status = WAYS[way]
    assert await respond(served, build(line(8_000))) == status
    for headers in (lines(10_000), line(200_000), lines(MAX_HEADERS), line(MAX_HEAD_BYTES)):
        assert await respond(served, build(headers)) in {431, 0}


@pytest.mark.parametrize("way", WAYS)
async def test_heads_are_counted_wherever_they_are_cut(served: RunningServer, way: str) -> None:
    """Generated: sizes around the limit, cut into pieces at random, get the same answer."""
    build, status = WAYS[way]
    rng = random.Random(SEED)
    for _ in range(12):
        allowed = rng.random() < 0.5
        # The WebSocket library takes no line of more than 8 KB.
        most = 8_000 if way == "upgrade" else MAX_HEAD_BYTES - 600
        size = rng.randrange(100, most) if allowed else rng.randrange(17_000, 40_000)
        data = build(line(size))
        cuts = sorted(rng.sample(range(1, len(data)), rng.randrange(1, 6)))
        pieces = [
            data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)
        ]
        assert await respond(served, *pieces) in ({status} if allowed else {431, 0})


async def test_an_upgrade_with_a_header_that_the_library_does_not_read_is_refused(
    served: RunningServer,
) -> None:
    """It was answered by nothing, and its connection stayed for ever."""
    assert await respond(served, upgrade(line(9_000))) == 431


async def test_a_url_of_megabytes_is_a_414(served: RunningServer) -> None:
    """50 MB of URL were taken, of a request that had no end yet."""
    async with raw_connection(served.port) as connection:
        await connection.send(b"GET /", *[b"a" * 50_000] * 100)
        assert (await connection.response())[0] in {414, 0}
        assert await connection.closed()
    path = b"/graphql?query={hello}&x=" + b"a" * MAX_URL_BYTES
    assert await respond(served, get(b"", path)) == 414


async def send_endless_line(connection: RawConnection) -> int:
    """Send 20 MB of one header line; how much the server accepted before it closed."""
    piece, sent = b"x" * 65_536, 0
    await connection.send(b"POST /graphql HTTP/1.1\r\nx-pad: ")
    while (
        sent < 20_000_000 and not connection.reader.at_eof() and not connection.writer.is_closing()
    ):
        await connection.send(piece)
        sent += len(piece)
    return sent


async def test_one_endless_line_is_cut_before_it_costs_memory(served: RunningServer) -> None:
    """One line without an end took 93 MB, and slowed others down: its copies grew with it."""
    async with raw_connection(served.port) as connection:
        assert await send_endless_line(connection) < 10_000_000
        assert await connection.closed()


async def test_endless_header_lines_are_cut(served: RunningServer) -> None:
    """300 MB of header lines were kept for one anonymous connection."""
    async with raw_connection(served.port) as connection:
        await connection.send(b"POST /graphql HTTP/1.1\r\n", *[line(60_000)] * 100)
        assert (await connection.response())[0] in {431, 0}
        assert await connection.closed()


async def test_trailers_after_a_chunked_body_count_too(served: RunningServer) -> None:
    """Trailers are headers after the body: the same lines by another way."""
    chunk = b"%x\r\n%b\r\n" % (len(HELLO), HELLO)
    async with raw_connection(served.port) as connection:
        begin = post(b"", headers=CHUNKED).replace(b"content-length: 0\r\n", b"")
        await connection.send(begin + chunk + b"0\r\n", *[line(30_000)] * 100)
        await connection.response()
        assert await connection.closed()


async def test_a_second_request_with_a_large_head_is_refused_after_a_fast_one(
    served: RunningServer,
) -> None:
    """A connection whose first head is remembered compares only heads of that size."""
    async with raw_connection(served.port) as connection:
        for _ in range(3):
            await connection.send(post(HELLO))
            assert (await connection.response())[0] == 200
        await connection.send(post(HELLO, headers=line(20_000)))
        assert (await connection.response())[0] == 431
        assert await connection.closed()


async def test_large_bodies_are_no_part_of_the_next_head(served: RunningServer) -> None:
    """A whole request with a large body, and the begin of another in the same piece."""
    name = b"x" * 50_000
    large = post(
        b'{"query": "query($name: String!) { hello(name: $name) }", "variables": {"name": "%b"}}'
        % name
    )
    async with raw_connection(served.port) as connection:
        second = post(HELLO)
        await connection.send(large + second[:40])
        assert (await connection.response())[0] == 200
        await connection.send(second[40:])
        assert (await connection.response())[0] == 200


@pytest.mark.parametrize("count", [MAX_HEADERS - 3, MAX_HEADERS - 2])
async def test_a_hundred_headers_are_allowed(served: RunningServer, count: int) -> None:
    """Proxies and tracing add many headers to an honest request."""
    allowed = count + 3 <= MAX_HEADERS
    assert await respond(served, post(HELLO, headers=lines(count))) == (200 if allowed else 431)
