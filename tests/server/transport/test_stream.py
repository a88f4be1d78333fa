"""A response that streams past ASGI shares its connection, its timer and its answers."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from execution import Answer, Engine
from server.transport import WireLimits
from server.transport.stream.stream_timer import Watch
from tests.server.transport.test_fast_path import HELLO, post, told
from tests.server.transport.test_websocket import settled
from tests.support.server.small_server import Served, serve

COUNT = b'{"query": "subscription { count(to: 2, seconds: 0.1) { number } }"}'
LONG = b'{"query": "subscription { count(to: 1000, seconds: 0.02) { number } }"}'
ACCEPT = b"accept: text/event-stream\r\n"
ENDED = b"event: complete\ndata:\n\n\r\n0\r\n\r\n"


async def streamed(reader: asyncio.StreamReader, until: bytes) -> bytes:
    """What comes of a stream, as it stands on the wire, to these bytes."""
    return await asyncio.wait_for(reader.readuntil(until), 5)


async def test_a_connection_serves_the_next_request_after_a_stream(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    following = post(HELLO)
    for cut in (0, 40, len(following)):
        writer.write(post(COUNT, ACCEPT) + following[:cut])
        said = await streamed(reader, ENDED)
        assert said.count(b"event: next") == 2
        writer.write(following[cut:])
        assert (await told(reader))[2] == b'{"data":{"hello":"hello world"}}'
    writer.write(post(COUNT, ACCEPT + b"connection: close\r\n"))
    assert (await asyncio.wait_for(reader.read(), 5)).endswith(ENDED)
    writer.close()


async def test_a_stream_costs_one_task_and_nothing_when_it_is_over(served: Served) -> None:
    before = len(asyncio.all_tasks())
    lines = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(10)]
    for reader, writer in lines:
        writer.write(post(LONG, ACCEPT))
        await streamed(reader, b'"number":2')
    # The readers are of this test: an open stream waits in the task of its own source alone.
    assert len(asyncio.all_tasks()) - before <= len(lines)
    assert len(served.connections) == len(lines)
    for _, writer in lines:
        writer.close()
    await settled(served)
    async with asyncio.timeout(2):
        while len(served.connections) or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - they have no event
            await asyncio.sleep(0.02)


async def test_a_reader_may_write_its_wishes_as_it_likes(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(COUNT, b"Accept: Text/Event-Stream\r\n"))
    assert (await streamed(reader, ENDED)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def test_a_stream_that_breaks_on_purpose_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*given: Any) -> AsyncGenerator[Answer, None]:
        yield Answer({"count": 1})
        raise RuntimeError("outside every operation")

    monkeypatch.setattr(Engine, "subscribe", broken)
    async with serve(WireLimits()) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(post(COUNT, ACCEPT))
        said = await streamed(reader, ENDED)
        writer.close()
        assert b'{"data":{"count":1}}' in said
        assert b"The stream broke: resume." in said


async def test_a_server_that_leaves_ends_streams_without_a_word() -> None:
    async with serve(WireLimits()) as leaving:
        reader, writer = await asyncio.open_connection("127.0.0.1", leaving.port)
        writer.write(post(LONG, ACCEPT))
        await streamed(reader, b'"number":1')
        assert await leaving.connections.drain(spread_seconds=0) == 0
        rest = await streamed(reader, b"0\r\n\r\n")
        assert b"complete" not in rest
        writer.close()


class Member:
    """Somebody who is looked after."""

    def __init__(self) -> None:
        self.spoke_at = asyncio.get_running_loop().time()
        self.pauses: list[float] = []

    def look(self, now: float, quiet_since: float) -> None:
        if self.spoke_at <= quiet_since:
            self.pauses.append(now - self.spoke_at)
            self.spoke_at = now


async def test_one_timer_sees_that_nobody_is_quiet_for_long() -> None:
    watch, members = Watch(0.16), [Member() for _ in range(3)]
    for member in members:
        watch.join(member)
    watch.leave(members[0])
    await asyncio.sleep(0.5)
    assert members[0].pauses == []
    for member in members[1:]:
        assert len(member.pauses) >= 2
        assert min(member.pauses) >= 0.13
    watch.leave(members[1])
    watch.leave(members[2])
    await asyncio.sleep(0.05)
    assert watch._timer is None
