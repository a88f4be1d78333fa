"""The short way answers as the long way does, and leaves to it what it can't do."""

import asyncio
import socket
from typing import Any

import orjson
import pytest

from server.transport import WireLimits
from server.transport.http.fast_path import ShortWay
from server.transport.http.request import SHORT_BODY_BYTES
from tests.support.server.small_server import Served, serve

HELLO = b'{"query": "{ hello }"}'
FORWARDED = b"x-forwarded-for: 10.1.2.3\r\n"
SAME = ("content-type", "cache-control", "vary", "x-content-type-options", "content-length")


def post(body: bytes, headers: bytes = b"") -> bytes:
    """One request as it stands on the wire."""
    return (
        b"POST /graphql HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        b"%bcontent-length: %d\r\n\r\n%b" % (headers, len(body), body)
    )


async def told(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """The next response: its status line, its headers and its body."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return status, headers, await reader.readexactly(int(headers["content-length"]))


async def ask(served: Served, *pieces: bytes) -> tuple[str, dict[str, str], bytes]:
    """The response to one request that is sent in these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    answer = await told(reader)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        b'{"query": "{ broken }"}',
        b'{"query": "{ nothing }"}',
        b'{"query": "subscription { breaks }"}',
        b"[]",
        b"\xff",
        b'{"query": "{ hello }", "variables": 1}',
    ],
)
@pytest.mark.parametrize("accept", [b"", b"accept: application/graphql-response+json\r\n"])
async def test_both_ways_say_the_same(served: Served, body: bytes, accept: bytes) -> None:
    short = await ask(served, post(body, accept))
    long = await ask(served, post(body, accept + FORWARDED))
    assert short[0] == long[0]
    assert short[2] == long[2]
    assert [short[1].get(name) for name in SAME] == [long[1].get(name) for name in SAME]
    assert short[1].keys() == long[1].keys()


async def test_a_body_in_pieces_is_waited_for(served: Served) -> None:
    request = post(HELLO)
    for cut in (len(request) - len(HELLO), len(request) - 3, 20):
        status, _, body = await ask(served, request[:cut], request[cut:])
        assert status == "HTTP/1.1 200 OK"
        assert orjson.loads(body) == {"data": {"hello": "hello world"}}


async def test_a_long_body_goes_the_long_way(served: Served) -> None:
    name = "x" * (SHORT_BODY_BYTES + 1)
    asked = {"query": "query($name: String!) { hello(name: $name) }", "variables": {"name": name}}
    _, _, body = await ask(served, post(orjson.dumps(asked)))
    assert orjson.loads(body) == {"data": {"hello": f"hello {name}"}}


async def test_requests_sent_at_once_are_answered_in_order(served: Served) -> None:
    slow = b'{"query": "{ slow(seconds: 0.1) }"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(slow) + post(HELLO) + post(slow, FORWARDED) + post(HELLO))
    answers = [orjson.loads((await told(reader))[2])["data"] for _ in range(4)]
    writer.close()
    assert [next(iter(answer)) for answer in answers] == ["slow", "hello", "slow", "hello"]


async def test_one_connection_serves_one_request_after_another(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    ids = set()
    for _ in range(3):
        writer.write(post(HELLO))
        ids.add((await told(reader))[1]["x-request-id"])
    writer.write(post(HELLO, b"connection: close\r\n"))
    assert (await told(reader))[1]["connection"] == "close"
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert len(ids) == 3


async def test_what_takes_too_long_ends_with_a_504() -> None:
    async with serve(WireLimits(request_seconds=0.2)) as served:
        status, _, body = await ask(served, post(b'{"query": "{ slow(seconds: 5) }"}'))
        assert status.startswith("HTTP/1.1 504")
        assert orjson.loads(body)["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert served.tally.canceled == 1


async def test_a_query_ends_when_its_reader_leaves_and_a_mutation_does_not() -> None:
    async with serve(WireLimits()) as served:
        for query in ("{ slow(seconds: 5) }", "mutation { bump(seconds: 0.2) }"):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(post(orjson.dumps({"query": query})))
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
        await asyncio.sleep(0.5)
        assert (served.tally.canceled, served.tally.bumps) == (1, 1)


class Watched:
    """How often the parser began a message, and how often a task was made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.parsed = self.tasks = 0
        begin, answer = ShortWay.on_message_begin, ShortWay._answer

        def parsed(way: ShortWay) -> None:
            self.parsed += 1
            begin(way)

        async def answered(way: ShortWay, *given: Any) -> None:
            self.tasks += 1
            await answer(way, *given)

        patch.setattr(ShortWay, "on_message_begin", parsed)
        patch.setattr(ShortWay, "_answer", answered)


async def said(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The data of the next response."""
    data: dict[str, Any] = orjson.loads((await told(reader))[2])["data"]
    return data


async def test_what_was_said_before_is_not_parsed_again_and_needs_no_task(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for query in (b"{ hello }", b"{ hello }", b'{ hello(name: "you") }', b"{ slow(seconds: 0) }"):
        writer.write(post(b'{"query": %b}' % orjson.dumps(query.decode())))
        assert await said(reader)
    writer.close()
    assert (watched.parsed, watched.tasks) == (1, 1)


async def test_nobody_is_taken_for_whoever_spoke_before_them(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    names = ("ann", "ann", "bob", "ann", "")
    for name in names:
        token = b"authorization: Bearer %b\r\n" % name.encode() if name else b""
        writer.write(post(b'{"query": "{ caller }"}', token))
        assert await said(reader) == {"caller": name or "anonymous"}
    writer.close()
    assert watched.parsed == len(names) - 1


async def test_nothing_is_smuggled_behind_a_known_head(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(HELLO))
    assert await said(reader) == {"hello": "hello world"}
    inner = post(b'{"query": "{ caller }"}')
    # As many bytes as the head says are the body, whatever they look like; the rest is the next.
    writer.write(post(HELLO) + inner)
    assert [await said(reader) for _ in range(2)] == [
        {"hello": "hello world"},
        {"caller": "anonymous"},
    ]
    writer.write(post(inner) + post(HELLO))
    status, _, body = await told(reader)
    assert (status, orjson.loads(body)["errors"][0]["message"]) == (
        "HTTP/1.1 400 Bad Request",
        "The body is not valid JSON.",
    )
    assert await said(reader) == {"hello": "hello world"}
    for piece in (post(HELLO)[:30], post(HELLO)[30:-2], post(HELLO)[-2:] + post(HELLO)):
        writer.write(piece)
        await asyncio.sleep(0.02)
    assert [await said(reader) for _ in range(2)] == [{"hello": "hello world"}] * 2
    writer.close()


async def test_a_quiet_connection_closes_and_a_busy_one_does_not() -> None:
    async with serve(WireLimits(), keep_alive_seconds=1) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for query in (*["{ hello }"] * 5, "{ slow(seconds: 1.2) }", "{ hello }"):
            writer.write(post(orjson.dumps({"query": query})))
            assert await said(reader)
            await asyncio.sleep(0.25)
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()
        await asyncio.sleep(0)


async def test_answers_wait_for_a_reader_who_takes_none(served: Served) -> None:
    line, loop = socket.create_connection(("127.0.0.1", served.port)), asyncio.get_running_loop()
    line.setblocking(False)
    for _ in range(30):
        await loop.sock_sendall(line, post(b'{"query": "{ big(chars: 1000000) }"}'))
        await asyncio.sleep(0.005)
    held = [way.transport.get_write_buffer_size() for way in served.state.connections]
    assert max(held) < 3_000_000
    reader, writer = await asyncio.open_connection(sock=line)
    for _ in range(30):
        assert len((await said(reader))["big"]) == 1_000_000
    writer.close()
