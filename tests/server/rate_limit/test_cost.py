"""The cost of operations, shown and limited on every transport."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from execution import Limits
from models.identity import Grant, Role
from resolvers.context import Container
from schema.root import graph
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.callers import CallerBucketSizes
from services.core.token_bucket import BucketSize
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import ServerClient, serve_engine
from tests.support.server.websocket_client import open_socket

SESSIONS = "{ viewer { sessions { id device } } }"
WATCH = operation("store_queue_changed")
EXPENSIVE = "{ nodes(ids: [" + ", ".join(f'"x{n}"' for n in range(60)) + "]) { id __typename } }"


def engine(per_second: int, **options: Any) -> GraphQLEngine:
    return GraphQLEngine(
        graph,
        limits=Limits(),
        on_error=format_error,
        bucket_sizes=CallerBucketSizes.of(per_second),
        **options,
    )


@asynccontextmanager
async def serve_with_low_limit(container: Container) -> AsyncIterator[ServerClient]:
    """A server where a person has 40 units and gets one back each second."""
    async with serve_engine(container, engine(1)) as client:
        yield client


async def test_an_answer_shows_its_cost_and_what_is_left(
    container: Container, customer: ActorClient
) -> None:
    async with serve_engine(container, engine(10)) as client:
        body = (await client.post(customer, {"query": SESSIONS})).json()
    cost = body["extensions"]["cost"]
    sessions = len(body["data"]["viewer"]["sessions"])
    own = 1 + 5  # `viewer` and `sessions` themselves
    assert cost["actual"] == own + 2 * sessions
    assert cost["requested"] == own + 2 * 10
    budget = cost["budget"]
    assert (budget["maximum"], budget["restoredPerSecond"]) == (400, 10)
    assert 400 - cost["actual"] <= budget["available"] <= 400


async def test_a_setting_hides_the_cost(container: Container, customer: ActorClient) -> None:
    async with serve_engine(container, engine(100, shows_cost=False)) as client:
        body = (await client.post(customer, {"query": SESSIONS})).json()
    assert set(body) == {"data"}


async def test_without_budget_nothing_runs_and_the_client_learns_when_to_retry(
    container: Container,
) -> None:
    person = await create_client(container, "Spender")
    async with serve_with_low_limit(container) as client:
        last = [response async for response in _until_throttled(client, person)][-1]
        (error,) = last.json()["errors"]
        assert "data" not in last.json()
        assert error["extensions"]["code"] == "THROTTLED"
        wait = error["extensions"]["retryAfterSeconds"]
        assert 1 <= wait <= 40
        assert last.headers["retry-after"] == str(wait)
        assert len(last.content) < 500
        other = await create_client(container, "Saver")
        assert (await client.post(other, {"query": EXPENSIVE})).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_the_status_is_429_for_every_media_type(container: Container, accept: str) -> None:
    person = await create_client(container, "Spender")
    async with serve_with_low_limit(container) as client:
        async for _ in _until_throttled(client, person):
            pass
        response = await client.post(person, {"query": EXPENSIVE}, accept=accept)
    assert response.status_code == 429


async def test_queries_and_streams_of_a_socket_are_throttled(container: Container) -> None:
    person = await create_client(container, "Spender")
    async with serve_with_low_limit(container) as client, open_socket(client.socket_url) as socket:
        async for _ in _until_throttled(client, person):
            pass
        await socket.init(person.token)
        for name, document in [("a", EXPENSIVE), ("b", WATCH)]:
            await socket.subscribe(name, document)
            message = await socket.receive()
            assert (message["id"], message["type"]) == (name, "error")
            assert message["payload"][0]["extensions"]["code"] == "THROTTLED"


async def test_a_stream_of_server_sent_events_is_throttled(container: Container) -> None:
    person = await create_client(container, "Spender")
    async with serve_with_low_limit(container) as client:
        async for _ in _until_throttled(client, person):
            pass
        response = await client.post(person, {"query": WATCH}, accept="text/event-stream")
    event = response.text.split("data: ")[1].split("\n")[0]
    assert orjson.loads(event)["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_the_staff_of_a_company_share_its_bucket(
    container: Container, shared_city: City
) -> None:
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id)
    staff = [await create_client(container, f"Staff {number}", grant) for number in range(2)]
    sizes = replace(CallerBucketSizes.of(1_000), company=BucketSize(100, 1))
    engine_of_company = GraphQLEngine(
        graph, limits=Limits(), on_error=format_error, bucket_sizes=sizes
    )
    async with serve_engine(container, engine_of_company) as client:
        async for _ in _until_throttled(client, staff[0]):
            pass
        assert (await client.post(staff[1], {"query": EXPENSIVE})).status_code == 429


async def test_a_refused_operation_costs_one_unit(container: Container) -> None:
    person = await create_client(container, "Clumsy")
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    async with serve_engine(container, engine(1)) as client:
        for _ in range(20):
            response = await client.post(person, {"query": document, "variables": {"ids": 5.5}})
            assert response.status_code == 400


async def _until_throttled(client: ServerClient, person: ActorClient) -> AsyncIterator[Any]:
    """Run an expensive query until it is throttled; every response."""
    for _ in range(50):
        response = await client.post(person, {"query": EXPENSIVE})
        yield response
        if response.status_code == 429:
            return
    pytest.fail("never throttled")


@pytest.mark.parametrize("document", ["{ viewer {", "{ nothing }", "query($x: Int) { __typename }"])
async def test_an_invalid_document_is_paid_for(
    container: Container, customer: ActorClient, document: str
) -> None:
    person = await create_client(container, "Scribbler")
    async with serve_with_low_limit(container) as client:
        responses = [(await client.post(person, {"query": document})) for _ in range(5)]
        codes = [one.json()["errors"][0]["extensions"]["code"] for one in responses]
        assert "THROTTLED" not in codes[:4]
        assert codes[4] == "THROTTLED"
        assert responses[4].status_code == 429
