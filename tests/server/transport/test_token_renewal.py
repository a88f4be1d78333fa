"""Renewing the token of a socket: streams go on, and later operations use the new token."""

import asyncio
import time
from typing import Any

import pytest

from server.transport.websocket.frames import TRY_AGAIN
from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer
from tests.support.server.websocket_client import WebSocketClient, open_socket

COUNT = "subscription { count(to: 1000, seconds: 0.05) { number } }"


async def receive_type(socket: WebSocketClient, kind: str) -> Any:
    """Receive the next message of a type, skipping others."""
    while (message := await socket.receive())["type"] != kind:
        pass
    return message


async def test_streams_outlive_the_first_token_after_a_renewal(
    served: RunningServer,
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init("short")
        await socket.subscribe("1", COUNT)
        await socket.send(type="ping", payload={"authorization": "Bearer long"})
        assert await receive_type(socket, "pong") == {
            "type": "pong",
            "payload": {"expiresAt": None},
        }
        first = (await receive_type(socket, "next"))["payload"]["data"]["count"]["number"]
        end = time.monotonic() + 0.8  # the first token was good for 0.4 s
        number = first
        while time.monotonic() < end:
            number += 1
            message = await receive_type(socket, "next")
            if message["id"] == "1":
                assert message["payload"]["data"]["count"]["number"] == number
        await socket.subscribe("2", "{ caller }")
        while (message := await receive_type(socket, "next"))["id"] != "2":
            pass
        assert message["payload"] == {"data": {"caller": "long"}}
    await sources_closed(served)


@pytest.mark.parametrize(
    ("token", "end"),
    [
        ("bad", (4401, "That token is not valid.")),
        ("stranger", (4403, "a socket belongs to one person")),
    ],
)
async def test_an_invalid_token_or_another_persons_closes_the_socket(
    served: RunningServer, token: str, end: tuple[int, str]
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init("long")
        await socket.send(type="ping", payload={"authorization": f"Bearer {token}"})
        assert await socket.wait_closed() == end


@pytest.mark.parametrize(("token", "code"), [("throttled", "THROTTLED"), ("away", "UNAVAILABLE")])
async def test_a_renewal_that_can_not_be_checked_now_is_answered_and_may_be_repeated(
    served: RunningServer, token: str, code: str
) -> None:
    """The socket was closed, with the streams of a token that was valid still."""
    async with open_socket(served.socket_url) as socket:
        await socket.init("long")
        await socket.subscribe("1", COUNT)
        await socket.send(type="ping", payload={"authorization": f"Bearer {token}"})
        payload = (await receive_type(socket, "pong"))["payload"]
        assert payload["expiresAt"] is None
        assert payload["errors"][0]["extensions"]["code"] == code
        await socket.subscribe("2", "{ caller }")
        while (message := await receive_type(socket, "next"))["id"] != "2":
            pass
        assert message["payload"] == {"data": {"caller": "long"}}
        await socket.send(type="ping", payload={"authorization": "Bearer longer"})
        assert (await receive_type(socket, "pong"))["payload"] == {"expiresAt": None}
        await socket.subscribe("3", "{ caller }")
        while (message := await receive_type(socket, "next"))["id"] != "3":
            pass
        assert message["payload"] == {"data": {"caller": "longer"}}
    await sources_closed(served)


@pytest.mark.parametrize("token", ["throttled", "away"])
async def test_a_socket_whose_first_token_can_not_be_checked_now_may_be_opened_again(
    served: RunningServer, token: str
) -> None:
    """The code 4401 would tell the client to sign in again."""
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        code, _ = await socket.wait_closed()
        assert code == TRY_AGAIN


async def test_a_ping_before_init_renews_nothing(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="ping", payload={"authorization": "Bearer bad"})
        assert await socket.receive() == {"type": "pong"}
        await socket.init("long")


async def test_operations_sent_before_the_acknowledgement_run_after_it(
    served: RunningServer,
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer long"})
        await socket.subscribe("1", "{ caller }")
        assert (await socket.receive())["type"] == "connection_ack"
        assert (await socket.receive())["payload"] == {"data": {"caller": "long"}}
        await asyncio.sleep(0)
