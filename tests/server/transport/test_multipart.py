"""Multipart streams, as Apollo's clients read them: parts, heartbeats and how streams end."""

import json

import httpx
import pytest

from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer

ACCEPT = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"
PARTS = {"accept": ACCEPT}


def parts_of(text: str) -> list[object]:
    """The JSON of each part; the response must begin and end as the protocol requires."""
    first, *parts, last = text.split("--graphql")
    assert (first, last) == ("", "--\r\n")
    heads, bodies = zip(*(part.split("\r\n\r\n", 1) for part in parts), strict=True)
    assert set(heads) == {"\r\ncontent-type: application/json"}
    assert all(body.endswith("\r\n") for body in bodies)
    return [json.loads(body) for body in bodies]


async def test_each_answer_is_a_part(client: httpx.AsyncClient, served: RunningServer) -> None:
    query = "subscription { count(to: 2) { number } }"
    response = await client.post("/graphql", json={"query": query}, headers=PARTS)
    kind = response.headers["content-type"]
    assert kind == 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
    expected = [{"payload": {"data": {"count": {"number": number}}}} for number in (1, 2)]
    assert parts_of(response.text) == expected
    await sources_closed(served)


async def test_a_quiet_stream_has_heartbeats(client: httpx.AsyncClient) -> None:
    query = "subscription { count(to: 1, seconds: 0.5) { number } }"
    response = await client.post("/graphql", json={"query": query}, headers=PARTS)
    parts = parts_of(response.text)
    assert parts[:2] == [{}, {}]
    assert parts[-1] == {"payload": {"data": {"count": {"number": 1}}}}


async def test_an_expired_token_is_an_error_of_the_transport(client: httpx.AsyncClient) -> None:
    query = "subscription { count(to: 100, seconds: 0.1) { number } }"
    headers = {**PARTS, "authorization": "Bearer short"}
    response = await client.post("/graphql", json={"query": query}, headers=headers)
    last = parts_of(response.text)[-1]
    assert isinstance(last, dict)
    assert last["payload"] is None
    assert last["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_client_that_disconnects_closes_the_source(served: RunningServer) -> None:
    query = "subscription { count(to: 1000, seconds: 0.01) { number } }"
    async with httpx.AsyncClient(base_url=served.root) as http:
        stream = http.stream("POST", "/graphql", json={"query": query}, headers=PARTS)
        async with stream as response:
            await anext(response.aiter_bytes())
            assert served.seen.sources_open == 1
    await sources_closed(served)


@pytest.mark.parametrize("accept", ["multipart/mixed", "multipart/mixed;deferSpec=20220824, */*"])
async def test_other_multipart_media_types_are_not_accepted(
    client: httpx.AsyncClient, accept: str
) -> None:
    query = "subscription { count(to: 1) { number } }"
    response = await client.post("/graphql", json={"query": query}, headers={"accept": accept})
    assert response.status_code == 406


async def test_a_query_of_such_a_client_is_plain_json(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers=PARTS)
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == {"data": {"hello": "hello world"}}
