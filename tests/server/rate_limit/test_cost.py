"""What operations cost their callers, told and enforced on every way in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from execution import Limits
from models.identity import Grant, Role
from resolvers.context import House
from schema.root import graph
from server.errors import present
from server.graphql_engine import HouseEngine
from server.rate_limit import Size, Sizes
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.graph_queries import operation
from tests.support.server.client import Doors, opened
from tests.support.server.websocket_client import talk

SESSIONS = "{ viewer { sessions { id device } } }"
WATCH = operation("store_queue_changed")
DEAR = "{ nodes(ids: [" + ", ".join(f'"x{n}"' for n in range(60)) + "]) { id __typename } }"


def engine(per_second: int, **options: Any) -> HouseEngine:
    return HouseEngine(
        graph, limits=Limits(), on_error=present, sizes=Sizes.of(per_second), **options
    )


@asynccontextmanager
async def stingy(house: House) -> AsyncIterator[Doors]:
    """Doors behind which a person has 40 units and gets one a second."""
    async with opened(house, engine(1)) as doors:
        yield doors


async def test_an_answer_tells_its_cost_and_what_is_left(house: House, customer: Standing) -> None:
    async with opened(house, engine(10)) as doors:
        told = (await doors.post(customer, {"query": SESSIONS})).json()
    cost = told["extensions"]["cost"]
    sessions = len(told["data"]["viewer"]["sessions"])
    own = 1 + 5  # `viewer` and `sessions` themselves
    assert cost["actual"] == own + 2 * sessions
    assert cost["requested"] == own + 2 * 10
    budget = cost["budget"]
    assert (budget["maximum"], budget["restoredPerSecond"]) == (400, 10)
    assert 400 - cost["actual"] <= budget["available"] <= 400


async def test_answers_can_keep_their_cost_to_themselves(house: House, customer: Standing) -> None:
    async with opened(house, engine(100, shown=False)) as doors:
        told = (await doors.post(customer, {"query": SESSIONS})).json()
    assert set(told) == {"data"}


async def test_over_budget_nothing_runs_and_the_client_hears_when_to_return(house: House) -> None:
    person = await stand(house, "Spender")
    async with stingy(house) as doors:
        last = [response async for response in _until_throttled(doors, person)][-1]
        (error,) = last.json()["errors"]
        assert "data" not in last.json()
        assert error["extensions"]["code"] == "THROTTLED"
        wait = error["extensions"]["retryAfterSeconds"]
        assert 1 <= wait <= 40
        assert last.headers["retry-after"] == str(wait)
        assert len(last.content) < 500
        other = await stand(house, "Saver")
        assert (await doors.post(other, {"query": DEAR})).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_the_status_is_429_in_every_dialect(house: House, accept: str) -> None:
    person = await stand(house, "Spender")
    async with stingy(house) as doors:
        async for _ in _until_throttled(doors, person):
            pass
        response = await doors.post(person, {"query": DEAR}, accept=accept)
    assert response.status_code == 429


async def test_over_a_socket_queries_and_streams_are_refused(house: House) -> None:
    person = await stand(house, "Spender")
    async with stingy(house) as doors, talk(doors.socket_url) as socket:
        async for _ in _until_throttled(doors, person):
            pass
        await socket.init(person.token)
        for name, document in [("a", DEAR), ("b", WATCH)]:
            await socket.subscribe(name, document)
            message = await socket.hear()
            assert (message["id"], message["type"]) == (name, "error")
            assert message["payload"][0]["extensions"]["code"] == "THROTTLED"


async def test_over_server_sent_events_a_stream_is_refused(house: House) -> None:
    person = await stand(house, "Spender")
    async with stingy(house) as doors:
        async for _ in _until_throttled(doors, person):
            pass
        response = await doors.post(person, {"query": WATCH}, accept="text/event-stream")
    event = response.text.split("data: ")[1].split("\n")[0]
    assert orjson.loads(event)["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_a_company_pays_for_its_people_together(house: House, town: City) -> None:
    grant = Grant(Role.STORE_STAFF, town.company.id, town.near.id)
    desks = [await stand(house, f"Desk {number}", grant) for number in range(2)]
    sizes = replace(Sizes.of(1_000), company=Size(100, 1))
    dear = HouseEngine(graph, limits=Limits(), on_error=present, sizes=sizes)
    async with opened(house, dear) as doors:
        async for _ in _until_throttled(doors, desks[0]):
            pass
        assert (await doors.post(desks[1], {"query": DEAR})).status_code == 429


async def test_a_refused_request_costs_next_to_nothing(house: House) -> None:
    person = await stand(house, "Clumsy")
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    async with opened(house, engine(1)) as doors:
        for _ in range(20):
            response = await doors.post(person, {"query": document, "variables": {"ids": 5.5}})
            assert response.status_code == 400


async def _until_throttled(doors: Doors, person: Standing) -> AsyncIterator[Any]:
    """Ask for something dear until it is refused; every answer."""
    for _ in range(50):
        response = await doors.post(person, {"query": DEAR})
        yield response
        if response.status_code == 429:
            return
    pytest.fail("nobody was throttled")


@pytest.mark.parametrize("document", ["{ viewer {", "{ nothing }", "query($x: Int) { __typename }"])
async def test_a_document_that_is_refused_is_paid_for(
    house: House, customer: Standing, document: str
) -> None:
    person = await stand(house, "Scribbler")
    async with stingy(house) as doors:
        told = [(await doors.post(person, {"query": document})) for _ in range(5)]
        codes = [one.json()["errors"][0]["extensions"]["code"] for one in told]
        assert "THROTTLED" not in codes[:4]
        assert codes[4] == "THROTTLED"
        assert told[4].status_code == 429
