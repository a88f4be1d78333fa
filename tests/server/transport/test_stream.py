"""Streams that bypass ASGI: their connections, tasks and the timer that they share."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from execution import Answer, Engine
from server.transport.limits import TransportLimits
from server.transport.stream.stream_timer import StreamTimer
from tests.server.transport.test_fast_path import HELLO, post, read_response
from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer, run_small_server
from tests.support.waiting import until

COUNT = b'{"query": "subscription { count(to: 2, seconds: 0.1) { number } }"}'
LONG = b'{"query": "subscription { count(to: 1000, seconds: 0.02) { number } }"}'
ACCEPT = b"accept: text/event-stream\r\n"
ENDED = b"event: complete\ndata:\n\n\r\n0\r\n\r\n"


async def read_until(reader: asyncio.StreamReader, until: bytes) -> bytes:
    """The bytes of a stream up to and with these."""
    return await asyncio.wait_for(reader.readuntil(until), 5)


async def test_a_connection_serves_the_next_request_after_a_stream(served: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    following = post(HELLO)
    for cut in (0, 40, len(following)):
        writer.write(post(COUNT, ACCEPT) + following[:cut])
        received = await read_until(reader, ENDED)
        assert received.count(b"event: next") == 2
        writer.write(following[cut:])
        assert (await read_response(reader))[2] == b'{"data":{"hello":"hello world"}}'
    writer.write(post(COUNT, ACCEPT + b"connection: close\r\n"))
    assert (await asyncio.wait_for(reader.read(), 5)).endswith(ENDED)
    writer.close()


async def test_a_stream_costs_one_task_and_nothing_when_it_is_over(served: RunningServer) -> None:
    before = len(asyncio.all_tasks())
    clients = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(10)]
    for reader, writer in clients:
        writer.write(post(LONG, ACCEPT))
        await read_until(reader, b'"number":2')
    # An open stream has no task but that of its own source.
    assert len(asyncio.all_tasks()) - before <= len(clients)
    assert len(served.connections) == len(clients)
    for _, writer in clients:
        writer.close()
    await sources_closed(served)
    await until(lambda: not len(served.connections) and len(asyncio.all_tasks()) <= before)


async def test_the_accept_header_is_case_insensitive(served: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(post(COUNT, b"Accept: Text/Event-Stream\r\n"))
    assert (await read_until(reader, ENDED)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def test_a_stream_that_fails_on_purpose_sends_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def failing(*arguments: Any) -> AsyncGenerator[Answer, None]:
        yield Answer({"count": 1})
        raise RuntimeError("outside every operation")

    monkeypatch.setattr(Engine, "subscribe", failing)
    async with run_small_server(TransportLimits()) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(post(COUNT, ACCEPT))
        received = await read_until(reader, ENDED)
        writer.close()
        assert b'{"data":{"count":1}}' in received
        assert b"The stream broke: resume." in received


async def test_a_server_that_stops_ends_streams_without_complete() -> None:
    async with run_small_server(TransportLimits()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(LONG, ACCEPT))
        await read_until(reader, b'"number":1')
        assert await server.connections.drain(spread_seconds=0) == 0
        last = await read_until(reader, b"0\r\n\r\n")
        assert b"complete" not in last
        writer.close()


class QuietStream:
    """A stream that writes nothing but heartbeats, and measures the time between them."""

    def __init__(self) -> None:
        self.wrote_at = asyncio.get_running_loop().time()
        self.pauses: list[float] = []

    def check(self, now: float, quiet_since: float) -> None:
        if self.wrote_at <= quiet_since:
            self.pauses.append(now - self.wrote_at)
            self.wrote_at = now


async def test_one_timer_sends_heartbeats_of_all_quiet_streams() -> None:
    timer, streams = StreamTimer(0.16), [QuietStream() for _ in range(3)]
    for stream in streams:
        timer.add(stream)
    timer.remove(streams[0])
    await asyncio.sleep(0.5)
    assert streams[0].pauses == []
    for stream in streams[1:]:
        assert len(stream.pauses) >= 2
        assert min(stream.pauses) >= 0.13
    timer.remove(streams[1])
    timer.remove(streams[2])
    await asyncio.sleep(0.05)
    assert timer._timer is None
