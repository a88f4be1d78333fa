"""Server-sent events: framing, heartbeats, cursors and how streams end."""

import asyncio

import httpx

from tests.server.transport.test_websocket import sources_closed
from tests.support.server.small_server import RunningServer

EVENTS = {"accept": "text/event-stream"}


async def test_a_subscription_is_framed_with_lf_and_carries_its_cursors(
    client: httpx.AsyncClient,
) -> None:
    query = "subscription { count(to: 2) { cursor number } }"
    response = await client.post("/graphql", json={"query": query}, headers=EVENTS)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.text == (
        'id: c1\nevent: next\ndata: {"data":{"count":{"cursor":"c1","number":1}}}\n\n'
        'id: c2\nevent: next\ndata: {"data":{"count":{"cursor":"c2","number":2}}}\n\n'
        "event: complete\ndata:\n\n"
    )


async def test_a_browsers_event_source_subscribes_by_get_and_resumes(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    response = await client.get(
        "/graphql",
        params={"query": "subscription { count(to: 1) { number } }"},
        headers={**EVENTS, "last-event-id": "c7"},
    )
    assert response.text.startswith("event: next\ndata: ")
    assert served.seen.headers[-1]["last-event-id"] == "c7"


async def test_a_query_for_event_streams_only_is_one_event(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers=EVENTS)
    assert response.text == (
        'event: next\ndata: {"data":{"hello":"hello world"}}\n\nevent: complete\ndata:\n\n'
    )


async def test_a_request_error_reaches_the_reader_as_an_event(client: httpx.AsyncClient) -> None:
    query = "subscription { nothing }"
    response = await client.post("/graphql", json={"query": query}, headers=EVENTS)
    assert response.status_code == 200
    assert response.text.startswith('event: next\ndata: {"errors":[')
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_a_subscription_without_event_streams_is_a_406(client: httpx.AsyncClient) -> None:
    for accept in ("application/json", "*/*", "text/event-stream;q=0, */*"):
        response = await client.post(
            "/graphql",
            json={"query": "subscription { count { number } }"},
            headers={"accept": accept},
        )
        assert response.status_code == 406


async def test_an_idle_stream_has_heartbeats_and_a_denied_one_is_a_401(
    client: httpx.AsyncClient,
) -> None:
    query = "subscription { count(to: 1, seconds: 0.5) { number } }"
    response = await client.post("/graphql", json={"query": query}, headers=EVENTS)
    assert response.text.startswith(":\n\n:\n\nevent: next\n")
    denied = await client.post(
        "/graphql", json={"query": query}, headers={**EVENTS, "authorization": "Bearer bad"}
    )
    assert denied.status_code == 401


async def test_a_stream_ends_with_its_token(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    query = "subscription { count(to: 100, seconds: 0.1) { number } }"
    headers = {**EVENTS, "authorization": "Bearer short"}
    response = await client.post("/graphql", json={"query": query}, headers=headers)
    *_, last, complete, _ = response.text.split("\n\n")
    assert '"code":"UNAUTHENTICATED"' in last
    assert complete == "event: complete\ndata:"
    await sources_closed(served)


async def test_a_client_that_disconnects_closes_its_source(
    client: httpx.AsyncClient, served: RunningServer
) -> None:
    query = "subscription { count(to: 100, seconds: 0.05) { number } }"
    async with client.stream("POST", "/graphql", json={"query": query}, headers=EVENTS) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                break
        assert served.seen.sources_open == 1
    await sources_closed(served)


async def test_a_failing_source_sends_its_error_and_completes(client: httpx.AsyncClient) -> None:
    query = "subscription { breaks }"
    response = await client.post("/graphql", json={"query": query}, headers=EVENTS)
    first, second, complete, rest = response.text.split("\n\n")
    assert '"breaks":1' in first
    assert '"errors"' in second
    assert (complete, rest) == ("event: complete\ndata:", "")


async def test_an_operation_past_its_time_limit_keeps_its_status(client: httpx.AsyncClient) -> None:
    query = "{ slow(seconds: 20) }"
    response = await client.post("/graphql", json={"query": query}, headers=EVENTS)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        504,
        "TIMEOUT",
    )
    await asyncio.sleep(0)
