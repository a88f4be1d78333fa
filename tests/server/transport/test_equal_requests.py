"""A request means the same by GET, by POST and by a socket, however its parts are written."""

import json
from typing import Any

import httpx
import orjson
import pytest

from server.transport.json_text import BYTE_ORDER_MARK, decode_json
from tests.support.server.small_server import RunningServer
from tests.support.server.websocket_client import open_socket

QUERY = 'query Q($name: String = "world") { hello(name: $name) }'
TWO = "query A { hello } query B { caller }"
HELLO = {"data": {"hello": "hello world"}}
NAMES = ["query", "operationName", "variables", "extensions", "documentId"]
Parameters = dict[str, Any]


async def by_post(served: RunningServer, parameters: Parameters) -> Any:
    async with httpx.AsyncClient() as client:
        response = await client.post(served.url, json=parameters)
        return outcome(response.json())


async def by_get(served: RunningServer, parameters: Parameters) -> Any:
    encoded = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if value is not None
    }
    async with httpx.AsyncClient() as client:
        return outcome((await client.get(served.url, params=encoded)).json())


async def by_socket(served: RunningServer, parameters: Parameters) -> Any:
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        await socket.send(id="1", type="subscribe", payload=parameters)
        try:
            message = await socket.receive()
        except Exception:
            return "refused"
        payload = message["payload"]
        return outcome({"errors": payload} if message["type"] == "error" else payload)


def outcome(body: Parameters) -> Any:
    """The data of an answer; for a malformed request only that it was refused."""
    codes = [error.get("extensions", {}).get("code") for error in body.get("errors", ())]
    return "refused" if "BAD_REQUEST" in codes else (body.get("data"), codes)


@pytest.mark.parametrize("query", [QUERY, TWO, ""])
@pytest.mark.parametrize(
    "name", ["query", "operationName", "variables", "extensions", "documentId"]
)
@pytest.mark.parametrize("value", ["", None, "absent"])
async def test_an_empty_parameter_is_an_absent_one_by_every_way(
    served: RunningServer, query: str, name: str, value: str | None
) -> None:
    """Generated: `operationName: ""` was a name by POST and none by GET, so with variables."""
    parameters: Parameters = {"query": query}
    absent = {key: each for key, each in parameters.items() if key != name}
    expected = await by_post(served, absent)
    sent = absent if value == "absent" else {**parameters, name: value}
    answers = [await way(served, sent) for way in (by_post, by_get, by_socket)]
    assert answers == [expected] * 3


async def test_an_empty_operation_name_chooses_the_only_operation(served: RunningServer) -> None:
    """By GET it was no name and by POST an unknown one: the same request failed by one way."""
    for way in (by_post, by_get, by_socket):
        answer = await way(served, {"query": QUERY, "operationName": ""})
        assert answer == (HELLO["data"], [])


async def test_json_may_begin_with_a_byte_order_mark(served: RunningServer) -> None:
    """Editors and some clients write one; the request was refused as invalid JSON."""
    body = BYTE_ORDER_MARK + json.dumps({"query": "{ hello }"}).encode()
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient() as client:
        for more in ({}, {"expect": "nothing"}):
            response = await client.post(served.url, content=body, headers={**headers, **more})
            assert response.json() == HELLO
        url = f"{served.url}?query={{hello}}&variables=%EF%BB%BF%7B%7D"
        assert (await client.get(url)).json() == HELLO
    async with open_socket(served.socket_url) as socket:
        await socket.connection.send('\ufeff{"type": "connection_init"}')
        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "raw", [b"", BYTE_ORDER_MARK, BYTE_ORDER_MARK * 2 + b"{}", b"\xff\xfe{\0}\0"]
)
def test_other_marks_and_encodings_are_no_json(raw: bytes) -> None:
    """UTF-16 or a mark in the middle is refused by one sentence, not read by guesses."""
    with pytest.raises(orjson.JSONDecodeError):
        decode_json(raw)


async def test_many_quick_subscriptions_do_not_refuse_the_next(served: RunningServer) -> None:
    """Fifty-two were begun and ended at once, and the next was refused although none was live."""
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for number in range(90):
            query = "subscription { count(to: 1000, seconds: 5) { number } }"
            await socket.subscribe(str(number), query)
            await socket.send(id=str(number), type="complete")
        await socket.subscribe("last", "{ hello }")
        message = await socket.receive()
        assert (message["id"], message["payload"]) == ("last", HELLO)


async def test_live_operations_of_a_socket_still_have_a_limit(served: RunningServer) -> None:
    """Those that are over don't count, those that are live do: a socket is no way around it."""
    async with open_socket(served.socket_url) as socket:
        await socket.init()
        for number in range(51):
            query = "subscription { count(to: 1000, seconds: 5) { number } }"
            await socket.subscribe(str(number), query)
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("50", "error")
        assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
