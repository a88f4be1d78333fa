"""The cost of operations, shown and limited on every transport."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from execution import Limits
from models.identity import Grant, Role
from resolvers import prices
from resolvers.context import Container
from schema.root import graph
from server.auth.header_authenticator import HeaderAuthenticator
from server.errors import format_error
from server.graphql_engine import GraphQLEngine
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.authentication import (
    AuthenticatedCaller,
    AuthenticationFailure,
    authentication_of,
)
from services.core.token_bucket import BucketSize
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import ServerClient, serve_engine
from tests.support.server.websocket_client import open_socket

SESSIONS = "{ viewer { sessions { id deviceName } } }"
WATCH = operation("store_queue_changed")
EXPENSIVE = "{ nodes(ids: [" + ", ".join(f'"x{n}"' for n in range(60)) + "]) { id __typename } }"


def engine(per_second: int, **options: Any) -> GraphQLEngine:
    return GraphQLEngine(
        graph,
        limits=Limits(),
        on_error=format_error,
        budgets=CallerBudgets(sizes=CallerBucketSizes.of(per_second)),
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
        first = (await client.post(customer, {"query": SESSIONS})).json()["extensions"]["cost"]
        body = (await client.post(customer, {"query": SESSIONS})).json()
    cost = body["extensions"]["cost"]
    sessions = len(body["data"]["viewer"]["sessions"])
    own = prices.ROOT_FIELDS["query"] + 5  # `viewer` and `sessions` themselves
    assert cost["actual"] == own + 2 * sessions
    assert cost["requested"] == own + 2 * 10
    document = prices.document_price(SESSIONS) + prices.plan_price(prices.count_tokens(SESSIONS))
    assert first["actual"] == cost["actual"] + document
    budget = cost["budget"]
    assert (budget["maximum"], budget["restoredPerSecond"]) == (400, 10)
    spent = first["actual"] + cost["actual"]
    assert 400 - spent <= budget["available"] <= 400


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
        assert 1 <= wait <= 80  # the document went into debt, by as much as the bucket holds
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
        await socket.init(person.token)
        async for _ in _until_throttled(client, person):
            pass
        for name, document in [("a", EXPENSIVE), ("b", WATCH)]:
            await socket.subscribe(name, document)
            message = await socket.receive()
            assert (message["id"], message["type"]) == (name, "error")
            assert message["payload"][0]["extensions"]["code"] == "THROTTLED"
            assert message["payload"][0]["extensions"]["retryAfterSeconds"] > 0


async def test_a_stream_of_server_sent_events_is_throttled(container: Container) -> None:
    person = await create_client(container, "Spender")
    async with serve_with_low_limit(container) as client:
        async for _ in _until_throttled(client, person):
            pass
        response = await client.post(person, {"query": WATCH}, accept="text/event-stream")
    event = response.text.split("data: ")[1].split("\n")[0]
    extensions = orjson.loads(event)["errors"][0]["extensions"]
    assert extensions["code"] == "THROTTLED"
    assert extensions["retryAfterSeconds"] > 0
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_the_staff_of_a_company_share_its_bucket(
    container: Container, shared_city: City
) -> None:
    grant = Grant(Role.STORE_STAFF, shared_city.company.id, shared_city.near.id)
    staff = [await create_client(container, f"Staff {number}", grant) for number in range(2)]
    sizes = replace(CallerBucketSizes.of(1_000), company=BucketSize(100, 1))
    engine_of_company = GraphQLEngine(
        graph, limits=Limits(), on_error=format_error, budgets=CallerBudgets(sizes=sizes)
    )
    async with serve_engine(container, engine_of_company) as client:
        async for _ in _until_throttled(client, staff[0]):
            pass
        assert (await client.post(staff[1], {"query": EXPENSIVE})).status_code == 429


@pytest.mark.parametrize("count", [5.5, 1_000_000])
async def test_a_refused_operation_is_paid_for(container: Container, count: float) -> None:
    """With a value that is no number it took one unit, and none when it would cost too much."""
    person = await create_client(container, "Clumsy")
    document = "query ($n: Int!) { ownTickets(first: $n) { nodes { id } } }"
    async with serve_engine(container, engine(10)) as client:
        responses = [
            await client.post(person, {"query": document, "variables": {"n": count}})
            for _ in range(60)
        ]
    statuses = [one.status_code for one in responses]
    assert statuses[0] == 400
    assert 429 in statuses


async def test_a_document_is_paid_for_by_its_tokens_once(container: Container) -> None:
    """A new valid document of 28 fields took 47 ms of CPU, and 28 units."""
    person = await create_client(container, "Author")
    fields = " ".join(f"a{n}: schemaVersion" for n in range(28))
    async with serve_engine(container, engine(1_000)) as client:
        costs = [await _cost(client, person, {"query": f"{{ {fields} }}"}) for _ in range(2)]
    tokens = 2 + 3 * 28
    paid = prices.DOCUMENT + prices.PLAN + tokens * (prices.DOCUMENT_TOKEN + prices.PLAN_TOKEN)
    own = 28 * prices.ROOT_FIELDS["query"]
    assert costs == [paid + own, own]


async def test_each_plan_of_a_document_is_paid_for(container: Container) -> None:
    """Eight conditions have 256 plans: each is work, and only eight are kept."""
    person = await create_client(container, "Chooser")
    names = [f"v{n}" for n in range(8)]
    heads = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: schemaVersion @include(if: ${name})" for name in names)
    document = f"query ({heads}) {{ {fields} }}"
    async with serve_engine(container, engine(1_000)) as client:
        costs = []
        for chosen in (1, 2, 2):
            values = {name: number < chosen for number, name in enumerate(names)}
            costs.append(await _cost(client, person, {"query": document, "variables": values}))
    plan = costs[1] - costs[2]
    assert plan >= prices.PLAN + 8 * prices.PLAN_TOKEN
    assert costs[0] > plan + prices.DOCUMENT
    assert costs[2] == 2 * prices.ROOT_FIELDS["query"]


async def test_a_large_request_is_paid_for_by_its_size(container: Container) -> None:
    """A zone of 2,900 points was one field."""
    person = await create_client(container, "Surveyor")
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    body = {"query": document, "variables": {"ids": ["x"], "more": "y" * 20_000}}
    async with serve_engine(container, engine(1_000)) as client:
        small = {"query": document, "variables": {"ids": ["x"]}}
        await _cost(client, person, small)
        added = await _cost(client, person, body) - await _cost(client, person, small)
    assert added >= 17 * prices.REQUEST_KILOBYTE


async def test_a_directive_that_graphql_core_executes_makes_nothing_cheaper(
    container: Container,
) -> None:
    """The fields of the answer were counted, and a password hash among them was one."""
    body = {"email": "nobody@example.org", "password": "none of these"}
    call = 'passwordSignIn(input: $input) @idempotent(key: "%s") { errors { __typename } }'
    document = "mutation ($input: PasswordSignInInput!) { %s }" % (call % ("k" * 16))
    person = await create_client(container, "Repeater")
    async with serve_engine(container, engine(1_000)) as client:
        cost = await _cost(client, person, {"query": document, "variables": {"input": body}})
    assert cost > prices.FIELDS["Mutation.passwordSignIn"]


async def test_tokens_that_are_not_valid_are_paid_for_by_their_network(
    container: Container,
) -> None:
    """A signature was checked, or a key looked up, as often as anybody liked."""
    budgets = CallerBudgets(sizes=CallerBucketSizes.of(1))
    authenticator = HeaderAuthenticator(container, budgets)
    headers = {"authorization": "Bearer dk_of_nobody"}
    codes = []
    for _ in range(30):
        failure = await authentication_of(authenticator, headers, "203.0.113.50")
        assert isinstance(failure, AuthenticationFailure)
        codes.append((failure.code, failure.status))
    assert codes[0] == ("UNAUTHENTICATED", 401)
    assert codes[-1] == ("THROTTLED", 429)
    person = await create_client(container, "Good")
    headers = {"authorization": f"Bearer {person.token}"}
    known = await authentication_of(authenticator, headers, "203.0.113.51")
    assert isinstance(known, AuthenticatedCaller)
    for _ in range(30):
        authenticator = HeaderAuthenticator(container, budgets)
        known = await authentication_of(authenticator, headers, "203.0.113.51")
        assert isinstance(known, AuthenticatedCaller)


async def _cost(client: ServerClient, person: ActorClient, body: dict[str, Any]) -> int:
    """What an operation has cost."""
    response = await client.post(person, body)
    cost: int = response.json()["extensions"]["cost"]["actual"]
    return cost


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
        assert codes[0] != "THROTTLED"
        assert codes[4] == "THROTTLED"
        assert responses[4].status_code == 429
