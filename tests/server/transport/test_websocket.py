"""graphql-transport-ws: the whole conversation, and how each side may end it."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.server.small_server import Served
from tests.support.server.websocket_client import talk


async def settled(served: Served) -> None:
    """Wait until every source is closed, as it must be soon."""
    async with asyncio.timeout(2):
        while served.tally.sources_open:  # noqa: ASYNC110 - the tally has no event
            await asyncio.sleep(0.01)


async def test_a_query_a_mutation_and_a_subscription_share_one_socket(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        await t.subscribe("q", "{ hello }")
        assert await t.hear() == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"hello": "hello world"}},
        }
        assert await t.hear() == {"id": "q", "type": "complete"}
        await t.subscribe("m", "mutation { bump }")
        assert (await t.hear())["payload"]["data"]["bump"] > 0
        assert await t.hear() == {"id": "m", "type": "complete"}
        await t.subscribe("s", "subscription { count(to: 2) { number } }")
        numbers = [(await t.hear())["payload"]["data"]["count"]["number"] for _ in range(2)]
        assert numbers == [1, 2]
        assert await t.hear() == {"id": "s", "type": "complete"}
    await settled(served)


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query ($a: Int!) { hello(name: $a) }", "subscription { hello }"]
)
async def test_a_request_error_ends_the_operation_and_not_the_socket(
    served: Served, query: str
) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        await t.subscribe("1", query)
        answer = await t.hear()
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert answer["payload"][0]["message"]
        await t.subscribe("1", "{ hello }")
        assert (await t.hear())["type"] == "next"


async def test_a_field_error_comes_as_next_and_a_broken_source_ends_its_stream(
    served: Served,
) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        await t.subscribe("1", "{ broken }")
        assert (await t.hear())["payload"]["errors"][0]["path"] == ["broken"]
        assert (await t.hear())["type"] == "complete"
        await t.subscribe("2", "subscription { breaks }")
        assert (await t.hear())["payload"] == {"data": {"breaks": 1}}
        assert (await t.hear())["payload"]["errors"]
        assert await t.hear() == {"id": "2", "type": "complete"}


async def test_complete_closes_the_source_and_frees_the_id_at_once(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        for _ in range(20):
            await t.subscribe("1", "subscription { count(to: 100, seconds: 0.01) { number } }")
            await t.say(type="complete", id="1")
        await t.say(type="complete", id="never existed")
        await t.subscribe("last", "{ hello }")
        answers = [await t.hear()]
        while answers[-1]["id"] != "last":
            answers.append(await t.hear())
        await settled(served)


async def test_a_socket_that_vanishes_closes_its_sources(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        for number in range(10):
            query = "subscription { count(to: 100, seconds: 0.05) { number } }"
            await t.subscribe(str(number), query)
        await t.hear()
        assert served.tally.sources_open == 10
        t.socket.transport.abort()
    await settled(served)


async def test_a_write_is_finished_though_its_client_leaves(served: Served) -> None:
    before = served.tally.bumps
    async with talk(served.socket_url) as t:
        await t.init()
        await t.subscribe("1", "mutation { bump(seconds: 0.2) }")
        await t.subscribe("2", "mutation { bump(seconds: 0.2) }")
        await asyncio.sleep(0.05)
        await t.say(type="complete", id="1")
    await asyncio.sleep(0.3)
    assert served.tally.bumps == before + 2


async def test_pings_are_answered_before_and_after_init(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="ping", payload={"at": 1})
        assert (await t.hear())["type"] == "pong"
        await t.init()
        await t.say(type="ping")
        assert (await t.hear())["type"] == "pong"


async def test_a_peer_that_answers_heartbeats_stays_and_a_silent_one_goes(served: Served) -> None:
    async with talk(served.socket_url) as live, talk(served.socket_url) as silent:
        await live.init()
        await silent.init()
        for _ in range(3):
            assert json.loads(await live.socket.recv()) == {"type": "ping"}
            await live.say(type="pong")
        assert await silent.until_closed(silent=True) == (4408, "no sign of life")
        await live.subscribe("1", "{ hello }")
        assert (await live.hear())["type"] == "next"


async def test_an_operation_past_its_time_is_a_typed_error(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        await t.subscribe("1", "{ slow(seconds: 20) }")
        await t.say(type="pong")
        answer = await t.hear()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "TIMEOUT")


async def test_too_many_operations_are_refused_one_by_one(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.init()
        for number in range(51):
            await t.subscribe(str(number), "subscription { count(seconds: 5) { number } }")
        answer = await t.hear()
        assert (answer["id"], answer["type"]) == ("50", "error")
        assert answer["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
    await settled(served)


async def test_the_codes_of_the_protocol(served: Served) -> None:
    async with talk(served.socket_url, "graphql-ws") as t:
        assert (await t.until_closed())[0] == 4406
    async with talk(served.socket_url) as t:
        assert await t.until_closed() == (4408, "connection_init did not come in time")
    async with talk(served.socket_url) as t:
        await t.subscribe("1", "{ hello }")
        assert (await t.until_closed())[0] == 4401
    async with talk(served.socket_url) as t:
        await t.init()
        await t.say(type="connection_init")
        assert (await t.until_closed())[0] == 4429
    async with talk(served.socket_url) as t:
        await t.init()
        for _ in range(2):
            await t.subscribe("1", "subscription { count(seconds: 5) { number } }")
        assert (await t.until_closed())[0] == 4409
    async with talk(served.socket_url) as t:
        for _ in range(400):
            await t.say(type="pong")
        assert await t.until_closed() == (4429, "too many messages")
    await settled(served)


async def test_a_bad_token_is_4401_and_an_expired_one_4403(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="connection_init", payload={"Authorization": "Bearer bad"})
        assert await t.until_closed() == (4401, "That token is not valid.")
    async with talk(served.socket_url) as t:
        await t.init("short")
        await t.subscribe("1", "subscription { count(to: 100, seconds: 0.05) { number } }")
        assert await t.until_closed() == (4403, "token expired")
    async with talk(served.socket_url) as t:
        await t.init("new")
        await t.subscribe("1", "{ caller }")
        assert (await t.hear())["payload"] == {"data": {"caller": "new"}}
    await settled(served)


async def test_an_edge_that_breaks_on_purpose_asks_to_try_again(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="connection_init", payload={"authorization": "Bearer broken"})
        assert (await t.until_closed())[0] == 1013


async def test_an_edge_that_is_slow_ends_with_the_init_time(served: Served) -> None:
    async with talk(served.socket_url) as t:
        await t.say(type="connection_init", payload={"authorization": "Bearer slow"})
        assert (await t.until_closed())[0] == 4408


async def test_the_payload_speaks_for_the_headers_but_not_for_the_network(served: Served) -> None:
    upgrade = {"Authorization": "Bearer upgrade", "X-Forwarded-For": "10.0.0.1"}
    async with talk(served.socket_url, additional_headers=upgrade) as t:
        await t.say(
            type="connection_init",
            payload={
                "Accept-Language": "pt",
                "x-forwarded-for": "6.6.6.6",
                "Idempotency-Key": "k",
                "bad name": "x",
                "nested": {},
            },
        )
        assert await t.hear() == {"type": "connection_ack"}
        await t.subscribe("1", "{ caller language }")
        assert (await t.hear())["payload"]["data"] == {"caller": "upgrade", "language": "pt"}
    seen = served.tally.headers[-1]
    assert seen["x-forwarded-for"] == "10.0.0.1"
    assert not {"idempotency-key", "bad name", "nested"} & set(seen)


async def test_a_foreign_page_may_not_open_a_socket(served: Served) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as denied:
            await connect(served.socket_url, additional_headers={"Origin": origin})
        assert denied.value.response.status_code == 403
    for origin in ("https://shop.example", served.root):
        async with talk(served.socket_url, additional_headers={"Origin": origin}) as t:
            await t.init()
