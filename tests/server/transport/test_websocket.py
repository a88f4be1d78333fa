"""graphql-transport-ws: messages, operations, heartbeats, credentials and close codes."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.server.small_server import RunningServer
from tests.support.server.websocket_client import open_socket
from tests.support.waiting import until


async def sources_closed(served: RunningServer) -> None:
    """Wait until every source is closed."""
    await until(lambda: not served.seen.sources_open, what="the end of every source")


async def test_a_query_a_mutation_and_a_subscription_share_one_socket(
    served: RunningServer,
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("q", "{ hello }")
        assert await socket.receive() == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"hello": "hello world"}},
        }
        assert await socket.receive() == {"id": "q", "type": "complete"}
        await socket.subscribe("m", "mutation { bump }")
        assert (await socket.receive())["payload"]["data"]["bump"] > 0
        assert await socket.receive() == {"id": "m", "type": "complete"}
        await socket.subscribe("s", "subscription { count(to: 2) { number } }")
        numbers = [(await socket.receive())["payload"]["data"]["count"]["number"] for _ in range(2)]
        assert numbers == [1, 2]
        assert await socket.receive() == {"id": "s", "type": "complete"}
    await sources_closed(served)


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query ($a: Int!) { hello(name: $a) }", "subscription { hello }"]
)
async def test_a_request_error_ends_the_operation_and_not_the_socket(
    served: RunningServer, query: str
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", query)
        answer = await socket.receive()
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert answer["payload"][0]["message"]
        await socket.subscribe("1", "{ hello }")
        assert (await socket.receive())["type"] == "next"


async def test_a_field_error_comes_as_next_and_a_broken_source_ends_its_stream(
    served: RunningServer,
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", "{ broken }")
        assert (await socket.receive())["payload"]["errors"][0]["path"] == ["broken"]
        assert (await socket.receive())["type"] == "complete"
        await socket.subscribe("2", "subscription { breaks }")
        assert (await socket.receive())["payload"] == {"data": {"breaks": 1}}
        assert (await socket.receive())["payload"]["errors"]
        assert await socket.receive() == {"id": "2", "type": "complete"}


async def test_complete_closes_the_source_and_frees_the_id_at_once(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for _ in range(20):
            await socket.subscribe("1", "subscription { count(to: 100, seconds: 0.01) { number } }")
            await socket.send(type="complete", id="1")
        await socket.send(type="complete", id="never existed")
        await socket.subscribe("last", "{ hello }")
        answers = [await socket.receive()]
        while answers[-1]["id"] != "last":
            answers.append(await socket.receive())
        await sources_closed(served)


async def test_a_lost_socket_closes_its_sources(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for number in range(10):
            query = "subscription { count(to: 100, seconds: 0.05) { number } }"
            await socket.subscribe(str(number), query)
        await socket.receive()
        assert served.seen.sources_open == 10
        socket.connection.transport.abort()
    await sources_closed(served)


async def test_a_mutation_finishes_although_its_client_disconnects(served: RunningServer) -> None:
    before = served.seen.bumps
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", "mutation { bump(seconds: 0.2) }")
        await socket.subscribe("2", "mutation { bump(seconds: 0.2) }")
        await asyncio.sleep(0.05)
        await socket.send(type="complete", id="1")
    await asyncio.sleep(0.3)
    assert served.seen.bumps == before + 2


async def test_pings_are_answered_before_and_after_init(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="ping", payload={"at": 1})
        assert (await socket.receive())["type"] == "pong"
        await socket.init()
        await socket.send(type="ping")
        assert (await socket.receive())["type"] == "pong"


async def test_a_client_that_answers_pings_stays_and_a_silent_one_is_closed(
    served: RunningServer,
) -> None:
    async with (
        open_socket(served.socket_url) as answering,
        open_socket(served.socket_url) as silent,
    ):
        await answering.init()
        await silent.init()
        for _ in range(3):
            assert json.loads(await answering.connection.recv()) == {"type": "ping"}
            await answering.send(type="pong")
        assert await silent.wait_closed(silent=True) == (4408, "no sign of life")
        await answering.subscribe("1", "{ hello }")
        assert (await answering.receive())["type"] == "next"


async def test_an_operation_past_its_time_limit_is_a_typed_error(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.subscribe("1", "{ slow(seconds: 20) }")
        await socket.send(type="pong")
        answer = await socket.receive()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "TIMEOUT")


async def test_operations_above_the_limit_are_refused_one_by_one(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for number in range(51):
            await socket.subscribe(str(number), "subscription { count(seconds: 5) { number } }")
        answer = await socket.receive()
        assert (answer["id"], answer["type"]) == ("50", "error")
        assert answer["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
    await sources_closed(served)


async def test_the_close_codes_of_the_protocol(served: RunningServer) -> None:
    async with open_socket(served.socket_url, "graphql-ws") as socket:
        assert (await socket.wait_closed())[0] == 4406
    async with open_socket(served.socket_url) as socket:
        assert await socket.wait_closed() == (4408, "connection_init did not come in time")
    async with open_socket(served.socket_url) as socket:
        await socket.subscribe("1", "{ hello }")
        assert (await socket.wait_closed())[0] == 4401
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.send(type="connection_init")
        assert (await socket.wait_closed())[0] == 4429
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for _ in range(2):
            await socket.subscribe("1", "subscription { count(seconds: 5) { number } }")
        assert (await socket.wait_closed())[0] == 4409
    async with open_socket(served.socket_url) as socket:
        for _ in range(400):
            await socket.send(type="pong")
        assert await socket.wait_closed() == (4429, "too many messages")
    await sources_closed(served)


async def test_a_bad_token_is_4401_and_an_expired_one_4403(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={"Authorization": "Bearer bad"})
        assert await socket.wait_closed() == (4401, "That token is not valid.")
    async with open_socket(served.socket_url) as socket:
        await socket.init("short")
        await socket.subscribe("1", "subscription { count(to: 100, seconds: 0.05) { number } }")
        assert await socket.wait_closed() == (4403, "token expired")
    async with open_socket(served.socket_url) as socket:
        await socket.init("new")
        await socket.subscribe("1", "{ caller }")
        assert (await socket.receive())["payload"] == {"data": {"caller": "new"}}
    await sources_closed(served)


async def test_an_authenticator_that_fails_on_purpose_closes_with_try_again(
    served: RunningServer,
) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer broken"})
        assert (await socket.wait_closed())[0] == 1013


async def test_a_slow_authentication_ends_with_the_time_for_init(served: RunningServer) -> None:
    async with open_socket(served.socket_url) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer slow"})
        assert (await socket.wait_closed())[0] == 4408


async def test_the_payload_overrides_headers_but_not_those_of_the_network(
    served: RunningServer,
) -> None:
    upgrade = {"Authorization": "Bearer upgrade", "X-Forwarded-For": "10.0.0.1"}
    async with open_socket(served.socket_url, additional_headers=upgrade) as socket:
        await socket.send(
            type="connection_init",
            payload={
                "Accept-Language": "pt",
                "x-forwarded-for": "6.6.6.6",
                "Idempotency-Key": "k",
                "bad name": "x",
                "nested": {},
            },
        )
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe("1", "{ caller language }")
        assert (await socket.receive())["payload"]["data"] == {
            "caller": "upgrade",
            "language": "pt",
        }
    seen = served.seen.headers[-1]
    assert seen["x-forwarded-for"] == "10.0.0.1"
    assert not {"idempotency-key", "bad name", "nested"} & set(seen)


async def test_a_page_of_another_origin_may_not_open_a_socket(served: RunningServer) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as denied:
            await connect(served.socket_url, additional_headers={"Origin": origin})
        assert denied.value.response.status_code == 403
    for origin in ("https://shop.example", served.root):
        async with open_socket(served.socket_url, additional_headers={"Origin": origin}) as socket:
            await socket.init()
