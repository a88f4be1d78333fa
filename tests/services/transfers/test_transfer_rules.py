"""Transfers: what is refused, who may do what, and that no unit gets lost."""

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.geo_point import Point
from models.identity import Actor, Grant, Role
from models.stores import Store, StoreKind
from models.transfers import TransferAction, TransferDirection, TransferStatus
from services.carts.basket_problems import InsufficientStock
from services.core.problems import (
    IllegalStep,
    InvalidInput,
    NotFound,
    Problem,
    Refused,
    VersionConflict,
)
from services.stores import coverage
from services.transfers import transfer_queries, transfer_states, transfers
from services.transfers.arrivals import Difference
from services.transfers.transfer_lines import Wanted
from services.transfers.transfers import SameStore
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import unexplained
from tests.support.transfers import Yard, against, manager, opened_yard

S = TransferStatus
A = TransferAction


@pytest.fixture
async def yard(database: Database, city: City) -> Yard:
    return await opened_yard(database, city)


async def test_a_request_that_can_not_be_right_is_refused(yard: Yard) -> None:
    city, product = yard.city, yard.product(0)
    ends = {"source_id": city.near.id, "destination_id": city.next.id}
    one = [Wanted(product, 1)]
    cases: list[tuple[dict[str, Any], type[Problem], list[str]]] = [
        ({"destination_id": city.near.id}, SameStore, ["destinationId"]),
        ({"source_id": city.second.stores[0].id}, NotFound, ["sourceId"]),
        ({"destination_id": uuid7()}, NotFound, ["destinationId"]),
        ({"lines": []}, InvalidInput, ["lines"]),
        ({"lines": [*one, *one]}, InvalidInput, ["lines", "1", "productId"]),
        ({"lines": [Wanted(product, 0)]}, InvalidInput, ["lines", "0", "quantity"]),
        ({"lines": [Wanted(product, -1)]}, InvalidInput, ["lines", "0", "quantity"]),
        (
            {"lines": [*one, Wanted(city.second.products[0].id, 1)]},
            NotFound,
            ["lines", "1", "productId"],
        ),
        ({"note": "x" * 201}, InvalidInput, ["note"]),
    ]
    for wrong, kind, path in cases:
        given = {**ends, "lines": one, **wrong}
        reason = await against(yard.do(transfers.request, yard.giver, **given))
        assert (type(reason), reason.path) == (kind, ["input", *path]), wrong


async def test_what_was_not_sent_does_not_arrive(yard: Yard) -> None:
    row = await yard.shipped(4)
    product = yard.product(0)
    cases = [
        ([Difference(product, 5)], InvalidInput, ["0", "received"]),
        ([Difference(product, 3, 2)], InvalidInput, ["0", "received"]),
        ([Difference(product, -1)], InvalidInput, ["0", "received"]),
        ([Difference(product, 0, -1)], InvalidInput, ["0", "damaged"]),
        ([Difference(yard.product(1), 0)], NotFound, ["0", "productId"]),
        ([Difference(product, 1, 0, "NONE")], NotFound, ["0", "batchCode"]),
        ([Difference(product, 1), Difference(product, 1)], InvalidInput, ["1", "productId"]),
    ]
    for said, kind, path in cases:
        given = {"transfer_id": row.id, "differences": said}
        reason = await against(yard.do(transfers.receive, yard.getter, **given))
        assert (type(reason), reason.path) == (kind, ["input", "differences", *path]), said
    assert await yard.counters(yard.city.next, 0) == (50, 0, 4)


async def test_only_what_is_there_is_shipped_and_no_more_than_was_asked_for(yard: Yard) -> None:
    row = await yard.asked(51, 3)
    await yard.do(transfers.approve, yard.giver, transfer_id=row.id)
    ship = {"transfer_id": row.id}
    short = await against(yard.do(transfers.ship, yard.giver, **ship))
    assert isinstance(short, InsufficientStock)
    assert (short.product_id, short.available) == (yard.product(0), 50)
    for lines, path in (
        ([Wanted(yard.product(1), 4)], ["lines", "0", "quantity"]),
        ([Wanted(yard.product(2), 1)], ["lines", "0", "productId"]),
        ([Wanted(yard.product(1), 0)], ["lines"]),
    ):
        reason = await against(yard.do(transfers.ship, yard.giver, lines=lines, **ship))
        assert reason.path == ["input", *path]
    less = [Wanted(yard.product(0), 40)]
    await yard.do(transfers.ship, yard.giver, lines=less, **ship)
    assert await yard.counters(yard.city.next, 0) == (50, 0, 40)
    assert await yard.counters(yard.city.near, 1) == (50, 0, 0)


async def test_each_end_does_its_own_part(yard: Yard, database: Database, city: City) -> None:
    stranger, far = (
        await manager(database, city.second.stores[0]),
        await manager(database, city.far),
    )
    staff = (await people(database, 1, Grant(Role.STORE_STAFF, city.company.id, city.near.id)))[0]
    row = await yard.asked(1)
    given = {"transfer_id": row.id}
    for who in (stranger, far):
        assert isinstance(await against(yard.do(transfers.approve, who, **given)), NotFound)
    for who in (yard.getter, staff):
        assert isinstance(await against(yard.do(transfers.approve, who, **given)), IllegalStep)
    stale = await against(yard.do(transfers.approve, yard.giver, expected_version=7, **given))
    assert isinstance(stale, VersionConflict)
    assert stale.current == 1
    row = await yard.do(transfers.approve, yard.giver, expected_version=1, **given)
    assert transfer_states.available_actions(row, staff) == [A.PICK, A.SHIP]
    assert transfer_states.available_actions(row, yard.getter) == [A.CANCEL]
    await yard.do(transfers.pick, staff, **given)
    row = await yard.do(transfers.cancel, yard.getter, note="changed plans", **given)
    assert (row.status, row.decision_note) == (S.CANCELED, "changed plans")
    assert transfer_states.available_actions(row, yard.giver) == []
    assert isinstance(await against(yard.do(transfers.ship, staff, **given)), IllegalStep)


async def test_a_store_sees_what_comes_and_what_goes(yard: Yard, city: City) -> None:
    rows = [await yard.asked(1) for _ in range(3)]
    async with yard.database.read(yard.giver.scope()) as session:

        async def seen(store: Store, actor: Actor, **more: Any) -> list[UUID]:
            asked = transfer_queries.Asked(store.id, 2, **more)
            page = await transfer_queries.of_store(session, actor=actor, asked=asked)
            return [one.id for one in page.nodes]

        newest = [row.id for row in reversed(rows)][:2]
        outgoing = TransferDirection.OUTGOING
        assert await seen(city.near, yard.giver) == newest
        assert await seen(city.near, yard.giver, direction=outgoing) == newest
        assert await seen(city.next, yard.getter, direction=outgoing) == []
        assert await seen(city.near, yard.giver, status=S.SHIPPED) == []
        with pytest.raises(Refused):
            await seen(city.next, yard.giver)


async def test_a_warehouse_gives_but_serves_nobody(yard: Yard, city: City) -> None:
    async with yard.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Store, city.near.id)).kind = StoreKind.WAREHOUSE
    point = Point(city.latitude, city.longitude)
    async with yard.database.public() as session:
        found = await coverage.serving(session, point)
    assert [one.store.id for one in found] == [city.next.id]
    assert (await yard.shipped(5)).status is S.SHIPPED


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_what_left_is_there_or_accounted_for(yard: Yard, seed: int) -> None:
    """Source out = destination in + damaged + missing + still on the way, product by product."""
    chance, city = random.Random(seed), yard.city
    sent: Counter[int] = Counter()
    met: Counter[int] = Counter()
    broken: Counter[int] = Counter()
    under_way: Counter[int] = Counter()

    async def one_way() -> None:
        quantities = [chance.randint(1, 6) for _ in range(3)]
        row = await yard.shipped(*quantities)
        sent.update(dict(enumerate(quantities)))
        if chance.random() < 0.3:
            under_way.update(dict(enumerate(quantities)))
            return
        said = []
        for nth, units in enumerate(quantities):
            whole = chance.randint(0, units)
            damaged = chance.randint(0, units - whole)
            said.append(Difference(yard.product(nth), whole, damaged))
            met[nth] += whole
            broken[nth] += damaged
        await yard.do(transfers.receive, yard.getter, transfer_id=row.id, differences=said)

    await asyncio.gather(*(one_way() for _ in range(6)))
    for nth in range(3):
        assert await yard.counters(city.near, nth) == (50 - sent[nth], 0, 0)
        found = await yard.counters(city.next, nth)
        assert found == (50 + met[nth], broken[nth], under_way[nth])
    assert await unexplained(yard.database, city) == []
