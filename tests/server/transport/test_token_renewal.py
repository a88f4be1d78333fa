"""A token is renewed inside its socket: the streams go on, and later operations use it."""

import asyncio
import time
from typing import Any

import pytest

from tests.server.transport.test_websocket import settled
from tests.support.server.small_server import Served
from tests.support.server.websocket_client import Talk, talk

COUNT = "subscription { count(to: 1000, seconds: 0.05) { number } }"


async def until(t: Talk, kind: str) -> Any:
    """The next message of a kind, past those of the stream."""
    while (message := await t.hear())["type"] != kind:
        pass
    return message


async def test_a_renewed_token_keeps_the_streams_past_the_end_of_the_first(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init("short")
        await t.subscribe("1", COUNT)
        await t.say(type="ping", payload={"authorization": "Bearer long"})
        assert await until(t, "pong") == {"type": "pong", "payload": {"expiresAt": None}}
        before = (await until(t, "next"))["payload"]["data"]["count"]["number"]
        end = time.monotonic() + 0.8  # the first token was good for 0.4 s
        number = before
        while time.monotonic() < end:
            number += 1
            said = await until(t, "next")
            if said["id"] == "1":
                assert said["payload"]["data"]["count"]["number"] == number
        await t.subscribe("2", "{ caller }")
        while (said := await until(t, "next"))["id"] != "2":
            pass
        assert said["payload"] == {"data": {"caller": "long"}}
    await settled(served)


@pytest.mark.parametrize(
    ("token", "end"),
    [
        ("bad", (4401, "That token is not valid.")),
        ("stranger", (4403, "a socket belongs to one person")),
    ],
)
async def test_a_bad_token_or_another_persons_ends_the_socket(
    served: Served, token: str, end: tuple[int, str]
) -> None:
    async with talk(served.socket_url) as t:
        await t.init("long")
        await t.say(type="ping", payload={"authorization": f"Bearer {token}"})
        assert await t.until_closed() == end


async def test_before_init_a_ping_renews_nothing(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="ping", payload={"authorization": "Bearer bad"})
        assert await t.hear() == {"type": "pong"}
        await t.init("long")


async def test_what_comes_before_the_acknowledgement_waits_for_it(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="connection_init", payload={"authorization": "Bearer long"})
        await t.subscribe("1", "{ caller }")
        assert (await t.hear())["type"] == "connection_ack"
        assert (await t.hear())["payload"] == {"data": {"caller": "long"}}
        await asyncio.sleep(0)
