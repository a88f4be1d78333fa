"""The narrow door for riders' phones: rows of numbers in, by the rules of the graph."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.identity import Grant, Role
from resolvers.context import House
from server.app import Store
from server.auth.edge import Edge
from server.endpoints.rider_positions import BODY_BYTES, POSITIONS_PATH
from server.rate_limit import Size
from tests.support import riders
from tests.support.actors import Standing, stand
from tests.support.city import City, build
from tests.support.graph_queries import operation
from tests.support.paid_orders import Doors
from tests.support.stripe_simulator import served


@pytest.fixture
async def door(house: House) -> AsyncIterator[httpx.AsyncClient]:
    edge = Edge()
    edge.house = house
    app = Store(edge, Size(maximum=8, per_second=1))
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
async def city(house: House) -> City:
    return await build(house.database)


@pytest.fixture
async def phone(house: House, city: City) -> Standing:
    row = city.riders[0]
    grant = Grant(Role.RIDER, row.company_id)
    return await stand(house, "Rider", grant, person_id=row.person_id)


async def sent(door: httpx.AsyncClient, who: Standing, rows: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {who.token}"}
    if isinstance(rows, bytes):
        return await door.post(POSITIONS_PATH, content=rows, headers=headers)
    return await door.post(POSITIONS_PATH, json=rows, headers=headers)


async def test_points_go_in_as_by_the_graph(
    door: httpx.AsyncClient, phone: Standing, house: House, city: City
) -> None:
    here = [city.latitude, city.longitude]
    offline = await sent(door, phone, [[*here, 0]])
    assert (offline.status_code, offline.json()["code"]) == (409, "ILLEGAL_STEP")
    await riders.online(house.database, city, 0)
    await riders.a_while_later(house.database, city, 30)
    rows = [[*here, 500], [*here, 9, 90, 5.5, 8], [here[0] + 1, here[1], 4], [*here, 0, None, 1]]
    done = await sent(door, phone, rows)
    assert done.status_code == 200
    assert done.json() == {
        "accepted": 2,
        "ignored": [[0, "BEFORE_SHIFT"], [2, "IMPLAUSIBLE_JUMP"]],
        "etaSeconds": None,
    }
    desk = await phone.run(operation("rider_desk"))
    assert desk["viewer"]["rider"]["rider"]["status"] == "ONLINE"


@pytest.mark.parametrize(
    "rows",
    [b"", b"{", b"null", b"1", [], [1], [[]], [[1, 2]], [[1, 2, "x"]], [[1, 2, True]],
     [[1, 2, 3, 4, 5, 6, 7]], [[91, 0, 0]], [[0, 0, -1]], [[0, 0, 0]] * 101, [[0, 0, 1], [0, 0, 2]],
     b"[[1e999,0,0]]"],
)  # fmt: skip
async def test_what_is_no_report_is_refused(
    door: httpx.AsyncClient, phone: Standing, rows: Any
) -> None:
    told = await sent(door, phone, rows)
    assert told.status_code == 400
    assert told.json()["code"] in {"BAD_REQUEST", "INVALID_INPUT"}


async def test_only_riders_report_and_none_too_much(
    door: httpx.AsyncClient, phone: Standing, customer: Standing
) -> None:
    assert (await door.post(POSITIONS_PATH, content=b"[]")).status_code == 401
    bad = await door.post(POSITIONS_PATH, content=b"[]", headers={"authorization": "Bearer x"})
    assert (bad.status_code, bad.headers["www-authenticate"]) == (401, "Bearer")
    assert (await sent(door, customer, [])).status_code == 403
    assert (await door.get(POSITIONS_PATH)).status_code == 405
    assert (await sent(door, phone, b" " * (BODY_BYTES + 1))).status_code == 413
    told = [await sent(door, phone, []) for _ in range(9)]
    assert {one.status_code for one in told} == {400, 429}
    assert told[-1].headers["retry-after"] == "1"


async def test_who_watches_the_order_sees_where_its_rider_is(
    door: httpx.AsyncClient, house: House, city: City
) -> None:
    order, *_, rider = await riders.assigned(Doors(house.database, house.combiner), city)
    await riders.a_while_later(house.database, city)
    grant = Grant(Role.RIDER, city.company.id)
    on_the_way = await stand(house, "Rider", grant, person_id=rider.person_id)
    hub: Any = house.streams
    seen = hub.latest(f"position:{order.id}")
    waiting = asyncio.ensure_future(anext(seen))
    await asyncio.sleep(0)
    here = [city.near.latitude, city.near.longitude]
    assert (await sent(door, on_the_way, [[*here, 2], [*here, 0]])).json()["accepted"] == 2
    told = await asyncio.wait_for(waiting, 5)
    assert [told["latitude"], told["longitude"]] == here
