"""Frames that are no messages of the protocol close the socket with a code and a reason."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from server.transport.limits import MAX_FRAME_BYTES
from server.transport.uvicorn_internals.websocket_protocol import DirectWebSocket
from tests.server.transport.test_slow_readers import UPGRADE, frame
from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer
from tests.support.server.websocket_client import open_socket


def subscribe(**changed: Any) -> str:
    message = {"id": "1", "type": "subscribe", "payload": {"query": "{ hello }"}, **changed}
    return json.dumps({key: value for key, value in message.items() if value != "absent"})


MALFORMED: list[str | bytes] = [
    "",
    " ",
    "null",
    "true",
    "1",
    "1e999",
    '"subscribe"',
    "[]",
    '[{"type":"ping"}]',
    "{}",
    "{",
    "{'type':'ping'}",
    '{"type":"ping"}}',
    '{"type":"ping"}{"type":"ping"}',
    '{"type":NaN}',
    '{"type":null}',
    '{"type":1}',
    '{"type":["ping"]}',
    '{"type":{"a":1}}',
    '{"type":"PING"}',
    '{"type":"start","id":"1","payload":{"query":"{ hello }"}}',
    '{"type":"connection_ack"}',
    '{"type":"next","id":"1","payload":{}}',
    '{"type":"error","id":"1","payload":[]}',
    '{"type":"ka"}',
    '{"type":"\\ud800"}',
    '{"type":"ping","payload":1}',
    '{"type":"ping","payload":[]}',
    '{"type":"pong","payload":"x"}',
    '{"type":"connection_init","payload":[]}',
    '{"type":"connection_init","payload":"Bearer x"}',
    '{"type":"complete"}',
    '{"type":"complete","id":null}',
    '{"type":"complete","id":1}',
    '{"type":"complete","id":""}',
    subscribe(id="absent"),
    subscribe(id=None),
    subscribe(id=7),
    subscribe(id=""),
    subscribe(id=["1"]),
    subscribe(id="x" * 129),
    subscribe(payload="absent"),
    subscribe(payload=None),
    subscribe(payload="{ hello }"),
    subscribe(payload=[]),
    subscribe(payload={}),
    subscribe(payload={"query": None}),
    subscribe(payload={"query": 1}),
    subscribe(payload={"query": {"a": 1}}),
    subscribe(payload={"query": "{ hello }", "operationName": 1}),
    subscribe(payload={"query": "{ hello }", "variables": "{}"}),
    subscribe(payload={"query": "{ hello }", "variables": []}),
    subscribe(payload={"query": "{ hello }", "extensions": 1}),
    subscribe()[:-1] + ',"payload":[[[]]]}',
    '{"a":' * 5000,
    "[" * 60_000,
    "\x00",
    "\ufeff{}",
    b"",
    b'{"type":"ping"}',
    b"\x00\xff",
]


@pytest.mark.parametrize("frame", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_frame_closes_with_4400(
    served: RunningServer, frame: str | bytes
) -> None:
    async with open_socket(served.socket_url) as socket:
        if "connection_init" not in str(frame):
            await socket.init()
        await socket.connection.send(frame)
        code, reason = await socket.wait_closed()
        assert code == 4400
        assert reason


async def test_variables_nested_too_deep_close_with_4400(served: RunningServer) -> None:
    deep: Any = "x"
    for _ in range(80):
        deep = [deep]
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", "{ hello }", variables={"a": deep})
        assert (await socket.wait_closed())[0] == 4400


@pytest.mark.parametrize("text", ["x" * (MAX_FRAME_BYTES + 1), "é" * 40_000, "x" * 1_000_000])
async def test_a_large_frame_closes_with_1009(served: RunningServer, text: str) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", f"# {text}\n{{ hello }}")
        assert (await socket.wait_closed())[0] == 1009


async def test_an_init_with_an_invalid_authorization_closes_with_4400(
    served: RunningServer,
) -> None:
    invalid: list[Any] = [1, ["Bearer x"], {"a": "b"}, "x" * 10_000]
    for value in invalid:
        async with open_socket(served.socket_url) as socket:
            await socket.send(type="connection_init", payload={"authorization": value})
            assert (await socket.wait_closed())[0] == 4400
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={f"k{n}": "v" for n in range(33)})
        assert (await socket.wait_closed())[0] == 4400


@pytest.mark.parametrize("busy", [False, True])
async def test_text_that_is_no_utf8_closes_its_socket_even_a_busy_one(
    served: RunningServer, busy: bool
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    if busy:
        # uvicorn closes this socket by itself, in the middle of our own writes to it.
        query = "subscription { count(to: 100000) { number } }"
        writer.write(frame({"type": "connection_init"}))
        writer.write(frame({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        await reader.readuntil(b'"number":20}')
    writer.write(b"\x81\x84\x00\x00\x00\x00\xff\xfe\xff\xfe")
    received = await asyncio.wait_for(reader.read(), 3)
    assert b"\x88\x02" + (1007).to_bytes(2) in received
    writer.close()
    await sources_closed(served)


async def test_a_client_that_goes_on_after_our_close_is_cut_off(
    served: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read and answered for ten seconds more, however much it sent."""
    begun = DirectWebSocket.__init__

    def patient(self: DirectWebSocket, *args: Any, **options: Any) -> None:
        begun(self, *args, **options)
        self.close_timeout = 3_600

    monkeypatch.setattr(DirectWebSocket, "__init__", patient)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame("no object"))
    await reader.readuntil((4400).to_bytes(2))
    pings = b"\x89\x80\x00\x00\x00\x00" * 10_000
    async with asyncio.timeout(60):
        with suppress(ConnectionError):
            while True:
                writer.write(pings)
                await writer.drain()
    writer.close()
    await sources_closed(served)
