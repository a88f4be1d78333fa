"""Random requests and frames: nothing fails, nothing is logged, no memory is lost.

DARKSTORE_FUZZ_COUNT=10000 makes it a long run.
"""

import asyncio
import json
import os
import random
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer
from tests.support.server.websocket_client import open_socket

COUNT = int(os.environ.get("DARKSTORE_FUZZ_COUNT", "300"))
SEED = 20_260_724
PAGE_BYTES = 4096
GROWTH_MAX_BYTES = 8 * 1024 * 1024

pytestmark = pytest.mark.timeout(1800)

QUERIES = [
    "{ hello }",
    "{",
    "{ a: hello b: hello }",
    "query ($n: String!) { hello(name: $n) }",
    "mutation { bump }",
    "subscription { count(to: 2) { number } }",
    "{ broken }",
    "fragment F on Query { ...F } { ...F }",
    '{ hello(name: "\\uD800") }',
    "",
]
TYPES = ["connection_init", "subscribe", "complete", "ping", "pong", "next", "", "SUBSCRIBE"]
KEYS = ["id", "type", "payload", "query", "variables", "operationName", "extensions", "n", "é"]


class RandomRequests:
    """Random values that resemble requests more or less."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, levels: int = 3) -> Any:
        pick = self.random
        choice = pick.randrange(9 if levels else 7)
        if choice == 7:
            return [self.value(levels - 1) for _ in range(pick.randrange(4))]
        if choice == 8:
            return {pick.choice(KEYS): self.value(levels - 1) for _ in range(pick.randrange(5))}
        simple = [None, True, 0, -1.5, 10**30, "x" * pick.randrange(200), pick.choice(QUERIES)]
        return simple[choice]

    def body(self) -> Any:
        body = {"query": self.random.choice(QUERIES), "variables": {"n": self.value()}}
        for _ in range(self.random.randrange(3)):
            body[self.random.choice(KEYS)] = self.value()
        return body

    def message(self) -> Any:
        choice = self.random.choice(TYPES)
        message = {"id": str(self.random.randrange(5)), "type": choice, "payload": self.body()}
        if self.random.random() < 0.5:
            message[self.random.choice(KEYS)] = self.value()
        return message

    def mutate(self, value: Any) -> bytes:
        raw = bytearray(json.dumps(value).encode())
        for _ in range(self.random.randrange(4)):
            at = self.random.randrange(len(raw) or 1)
            match self.random.randrange(4):
                case 0:
                    raw[at : at + 1] = self.random.randbytes(1)
                case 1:
                    del raw[at:]
                case 2:
                    raw[at:at] = raw[: self.random.randrange(200)]
                case 3:
                    raw[at:at] = self.random.choice([b"{", b"]", b'"', b"\\", b"\xff", b"\x00"])
        return bytes(raw)


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE_BYTES


async def check_memory(one: Any) -> None:
    """Run `one` many times; the second half may hardly use more memory."""
    for number in range(COUNT // 2):
        await one(number)
    before = resident_bytes()
    for number in range(COUNT // 2, COUNT):
        await one(number)
    assert resident_bytes() - before < GROWTH_MAX_BYTES


async def test_random_bodies_get_a_response_each_and_never_a_500(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    requests = RandomRequests(SEED)
    accepts = [b"*/*", b"application/graphql-response+json", b"text/event-stream", b"a/b;q=\xe9"]

    async def one(number: int) -> None:
        response = await client.post(
            "/graphql",
            content=requests.mutate(requests.body()),
            headers=[(b"content-type", b"application/json"), (b"accept", accepts[number % 4])],
        )
        assert response.status_code in {200, 400, 406, 413}, response.text
        if "event-stream" not in response.headers["content-type"]:
            assert {"data", "errors"} & set(response.json())

    await check_memory(one)
    await sources_closed(served)


async def test_random_urls_get_a_response_each_and_never_a_500(
    client: httpx.AsyncClient,
) -> None:
    requests = RandomRequests(SEED + 1)

    async def one(_: int) -> None:
        body = {key: json.dumps(value) for key, value in requests.body().items()}
        body["query"] = requests.mutate(requests.random.choice(QUERIES)).decode("latin-1")
        response = await client.get("/graphql", params=body)
        assert response.status_code in {200, 400, 405, 406, 414}, response.text

    await check_memory(one)


async def test_random_frames_are_answered_or_close_their_socket(served: RunningServer) -> None:
    requests = RandomRequests(SEED + 2)
    sent, close_codes = 0, set[int | None]()

    async def send_and_ping(socket: ClientConnection, raw: bytes) -> bool:
        await socket.send(raw, text=requests.random.random() < 0.95)
        await socket.send('{"type":"ping","payload":{}}')
        while json.loads(await socket.recv())["type"] != "pong":
            pass
        return True

    async def one(number: int) -> None:
        nonlocal sent
        async with open_socket(served.socket_url) as socket:
            await socket.init()
            try:
                for _ in range(20):
                    sent += 1
                    await send_and_ping(socket.connection, requests.mutate(requests.message()))
            except ConnectionClosed:
                close_codes.add(socket.connection.close_code)

    async with asyncio.timeout(1500):
        await check_memory(one)
    assert sent > COUNT
    assert 4400 in close_codes <= {1007, 1009, 4400, 4401, 4409, 4429}
    await sources_closed(served)
    assert len(served.connections) == 0
