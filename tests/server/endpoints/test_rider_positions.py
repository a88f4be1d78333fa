"""The endpoint of riders' phones: rows of numbers, by the rules of the graph."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from models.identity import Grant, Role
from resolvers import prices
from resolvers.context import Container
from server.app import ServerApplication
from server.auth.header_authenticator import HeaderAuthenticator
from server.endpoints.rider_positions import MAX_BODY_BYTES, POSITIONS_PATH
from server.rate_limit.budgets import CallerBudgets
from server.rate_limit.callers import CallerBucketSizes
from server.transport.connections import LiveConnections
from services.core.token_bucket import BucketSize
from tests.support import riders
from tests.support.actors import ActorClient, create_client
from tests.support.city import City, build_city
from tests.support.graph_queries import operation
from tests.support.paid_orders import OrderDependencies
from tests.support.stripe_simulator import serve


@pytest.fixture
async def client(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    size = BucketSize(capacity=8 * prices.POSITIONS, refill_per_second=1)
    budgets = CallerBudgets(sizes=replace(CallerBucketSizes.of(1_000), person=size))
    app = ServerApplication(HeaderAuthenticator(container), LiveConnections(), budgets)
    async with serve(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
async def city(container: Container) -> City:
    return await build_city(container.database)


@pytest.fixture
async def phone(container: Container, city: City) -> ActorClient:
    row = city.riders[0]
    grant = Grant(Role.RIDER, row.company_id)
    return await create_client(container, "Rider", grant, person_id=row.person_id)


async def post(client: httpx.AsyncClient, who: ActorClient, rows: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {who.token}"}
    if isinstance(rows, bytes):
        return await client.post(POSITIONS_PATH, content=rows, headers=headers)
    return await client.post(POSITIONS_PATH, json=rows, headers=headers)


async def test_points_are_accepted_and_ignored_as_in_the_graph(
    client: httpx.AsyncClient, phone: ActorClient, container: Container, city: City
) -> None:
    here = [city.latitude, city.longitude]
    offline = await post(client, phone, [[*here, 0]])
    assert (offline.status_code, offline.json()["code"]) == (409, "INVALID_TRANSITION")
    await riders.bring_online(container.database, city, 0)
    await riders.age_positions(container.database, city, 30)
    rows = [[*here, 500], [*here, 9, 90, 5.5, 8], [here[0] + 1, here[1], 4], [*here, 0, None, 1]]
    response = await post(client, phone, rows)
    assert response.status_code == 200
    assert response.json() == {
        "accepted": 2,
        "ignored": [[0, "BEFORE_SHIFT"], [2, "IMPLAUSIBLE_LOCATION"]],
        "dropoffEtaSeconds": None,
    }
    data = await phone.run(operation("rider_desk"))
    assert data["viewer"]["rider"]["rider"]["status"] == "ONLINE"


@pytest.mark.parametrize(
    "rows",
    [b"", b"{", b"null", b"1", [], [1], [[]], [[1, 2]], [[1, 2, "x"]], [[1, 2, True]],
     [[1, 2, 3, 4, 5, 6, 7]], [[91, 0, 0]], [[0, 0, -1]], [[0, 0, 0]] * 101, [[0, 0, 1], [0, 0, 2]],
     b"[[1e999,0,0]]"],
)  # fmt: skip
async def test_an_invalid_report_is_rejected(
    client: httpx.AsyncClient, phone: ActorClient, rows: Any
) -> None:
    response = await post(client, phone, rows)
    assert response.status_code == 400
    assert response.json()["code"] in {"BAD_REQUEST", "INVALID_INPUT"}


async def test_only_riders_report_and_none_too_often(
    client: httpx.AsyncClient, phone: ActorClient, customer: ActorClient
) -> None:
    assert (await client.post(POSITIONS_PATH, content=b"[]")).status_code == 401
    bad = await client.post(POSITIONS_PATH, content=b"[]", headers={"authorization": "Bearer x"})
    assert (bad.status_code, bad.headers["www-authenticate"]) == (401, "Bearer")
    assert (await post(client, customer, [])).status_code == 403
    headers = {"authorization": f"Bearer {phone.token}"}
    assert (await client.get(POSITIONS_PATH, headers=headers)).status_code == 405
    assert (await post(client, phone, b" " * (MAX_BODY_BYTES + 1))).status_code == 413
    responses = [await post(client, phone, []) for _ in range(9)]
    assert {response.status_code for response in responses} == {400, 429}
    assert responses[-1].headers["retry-after"] == str(responses[-1].json()["retryAfterSeconds"])


async def test_subscribers_of_an_order_see_the_position_of_its_rider(
    client: httpx.AsyncClient, container: Container, city: City
) -> None:
    order, *_, rider = await riders.assigned_delivery(
        OrderDependencies(container.database, container.reservation_queue), city
    )
    await riders.age_positions(container.database, city)
    grant = Grant(Role.RIDER, city.company.id)
    reporter = await create_client(container, "Rider", grant, person_id=rider.person_id)
    hub: Any = container.streams
    values = hub.values(f"position:{order.id}")
    next_value = asyncio.ensure_future(anext(values))
    await asyncio.sleep(0)
    here = [city.near.latitude, city.near.longitude]
    assert (await post(client, reporter, [[*here, 2], [*here, 0]])).json()["accepted"] == 2
    position = await asyncio.wait_for(next_value, 5)
    assert [position["latitude"], position["longitude"]] == here
