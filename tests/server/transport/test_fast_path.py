"""The fast path responds as ASGI does, and leaves to ASGI what it can't answer."""

import asyncio
import socket
from typing import Any

import orjson
import pytest

from server.transport.http.fast_path import FastPathProtocol
from server.transport.http.fast_request import MAX_FAST_BODY_BYTES
from server.transport.limits import TransportLimits
from tests.support.server.small_server import RunningServer, run_small_server

HELLO = b'{"query": "{ hello }"}'
ASGI = b"expect: nothing\r\n"
COMPARED_HEADERS = (
    "content-type",
    "cache-control",
    "vary",
    "x-content-type-options",
    "content-length",
)


def post(body: bytes, headers: bytes = b"") -> bytes:
    """The bytes of one request."""
    return (
        b"POST /graphql HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        b"%bcontent-length: %d\r\n\r\n%b" % (headers, len(body), body)
    )


async def read_response(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """The next response: its status line, its headers and its body."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return status, headers, await reader.readexactly(int(headers["content-length"]))


async def send_request(served: RunningServer, *pieces: bytes) -> tuple[str, dict[str, str], bytes]:
    """Send one request in these pieces; its response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    answer = await read_response(reader)
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
async def test_fast_path_and_asgi_send_equal_responses(
    served: RunningServer, body: bytes, accept: bytes
) -> None:
    fast = await send_request(served, post(body, accept))
    asgi = await send_request(served, post(body, accept + ASGI))
    assert fast[0] == asgi[0]
    assert fast[2] == asgi[2]
    assert [fast[1].get(name) for name in COMPARED_HEADERS] == [
        asgi[1].get(name) for name in COMPARED_HEADERS
    ]
    assert fast[1].keys() == asgi[1].keys()


async def test_a_body_in_pieces_is_read_whole(served: RunningServer) -> None:
    data = post(HELLO)
    for cut in (len(data) - len(HELLO), len(data) - 3, 20):
        status, _, body = await send_request(served, data[:cut], data[cut:])
        assert status == "HTTP/1.1 200 OK"
        assert orjson.loads(body) == {"data": {"hello": "hello world"}}


async def test_a_large_body_goes_through_asgi(served: RunningServer) -> None:
    name = "x" * (MAX_FAST_BODY_BYTES + 1)
    parameters = {
        "query": "query($name: String!) { hello(name: $name) }",
        "variables": {"name": name},
    }
    _, _, body = await send_request(served, post(orjson.dumps(parameters)))
    assert orjson.loads(body) == {"data": {"hello": f"hello {name}"}}


async def test_requests_sent_at_once_are_answered_in_order(served: RunningServer) -> None:
    slow = b'{"query": "{ slow(seconds: 0.1) }"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(slow) + post(HELLO) + post(slow, ASGI) + post(HELLO))
    answers = [orjson.loads((await read_response(reader))[2])["data"] for _ in range(4)]
    writer.close()
    assert [next(iter(answer)) for answer in answers] == ["slow", "hello", "slow", "hello"]


async def test_one_connection_serves_one_request_after_another(served: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    ids = set()
    for _ in range(3):
        writer.write(post(HELLO))
        ids.add((await read_response(reader))[1]["x-request-id"])
    writer.write(post(HELLO, b"connection: close\r\n"))
    assert (await read_response(reader))[1]["connection"] == "close"
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert len(ids) == 3


async def test_an_operation_past_its_time_limit_is_a_504() -> None:
    async with run_small_server(TransportLimits(request_seconds=0.2)) as served:
        status, _, body = await send_request(served, post(b'{"query": "{ slow(seconds: 5) }"}'))
        assert status.startswith("HTTP/1.1 504")
        assert orjson.loads(body)["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert served.seen.canceled == 1


async def test_a_query_is_canceled_when_its_client_disconnects_and_a_mutation_is_not() -> None:
    async with run_small_server(TransportLimits()) as served:
        for query in ("{ slow(seconds: 5) }", "mutation { bump(seconds: 0.2) }"):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(post(orjson.dumps({"query": query})))
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
        await asyncio.sleep(0.5)
        assert (served.seen.canceled, served.seen.bumps) == (1, 1)


class Counted:
    """How often the parser began a message, and how often a task was created."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.parsed = self.tasks = 0
        begin, answer = FastPathProtocol.on_message_begin, FastPathProtocol._answer

        def parsed(protocol: FastPathProtocol) -> None:
            self.parsed += 1
            begin(protocol)

        async def answered(protocol: FastPathProtocol, *arguments: Any) -> None:
            self.tasks += 1
            await answer(protocol, *arguments)

        patch.setattr(FastPathProtocol, "on_message_begin", parsed)
        patch.setattr(FastPathProtocol, "_answer", answered)


async def read_data(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The data of the next response."""
    data: dict[str, Any] = orjson.loads((await read_response(reader))[2])["data"]
    return data


async def test_an_equal_head_is_not_parsed_again_and_an_immediate_answer_needs_no_task(
    served: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for query in (b"{ hello }", b"{ hello }", b'{ hello(name: "you") }', b"{ slow(seconds: 0) }"):
        writer.write(post(b'{"query": %b}' % orjson.dumps(query.decode())))
        assert await read_data(reader)
    writer.close()
    assert (counted.parsed, counted.tasks) == (1, 1)


async def test_without_the_cache_of_heads_every_request_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted(monkeypatch)
    async with run_small_server(TransportLimits(), cache_heads=False) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for _ in range(3):
            writer.write(post(HELLO))
            assert await read_data(reader) == {"hello": "hello world"}
        writer.close()
    assert (counted.parsed, counted.tasks) == (3, 0)


async def test_a_request_is_never_answered_for_another_caller(
    served: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    names = ("ann", "ann", "bob", "ann", "")
    for name in names:
        token = b"authorization: Bearer %b\r\n" % name.encode() if name else b""
        writer.write(post(b'{"query": "{ caller }"}', token))
        assert await read_data(reader) == {"caller": name or "anonymous"}
    writer.close()
    assert counted.parsed == len(names) - 1


async def test_nothing_is_smuggled_behind_a_cached_head(served: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(HELLO))
    assert await read_data(reader) == {"hello": "hello world"}
    inner = post(b'{"query": "{ caller }"}')
    # The body has as many bytes as the head says, whatever they are; the next request follows.
    writer.write(post(HELLO) + inner)
    assert [await read_data(reader) for _ in range(2)] == [
        {"hello": "hello world"},
        {"caller": "anonymous"},
    ]
    writer.write(post(inner) + post(HELLO))
    status, _, body = await read_response(reader)
    assert (status, orjson.loads(body)["errors"][0]["message"]) == (
        "HTTP/1.1 400 Bad Request",
        "The body is not valid JSON.",
    )
    assert await read_data(reader) == {"hello": "hello world"}
    for piece in (post(HELLO)[:30], post(HELLO)[30:-2], post(HELLO)[-2:] + post(HELLO)):
        writer.write(piece)
        await asyncio.sleep(0.02)
    assert [await read_data(reader) for _ in range(2)] == [{"hello": "hello world"}] * 2
    writer.close()


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async with run_small_server(TransportLimits(), keep_alive_seconds=1) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for query in (*["{ hello }"] * 5, "{ slow(seconds: 1.2) }", "{ hello }"):
            writer.write(post(orjson.dumps({"query": query})))
            assert await read_data(reader)
            await asyncio.sleep(0.25)
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()
        await asyncio.sleep(0)


async def test_responses_wait_for_a_client_that_does_not_read(served: RunningServer) -> None:
    client, loop = socket.create_connection(("127.0.0.1", served.port)), asyncio.get_running_loop()
    client.setblocking(False)
    for _ in range(30):
        await loop.sock_sendall(client, post(b'{"query": "{ big(chars: 1000000) }"}'))
        await asyncio.sleep(0.005)
    buffered = [one.transport.get_write_buffer_size() for one in served.state.connections]
    assert max(buffered) < 3_000_000
    reader, writer = await asyncio.open_connection(sock=client)
    for _ in range(30):
        assert len((await read_data(reader))["big"]) == 1_000_000
    writer.close()
