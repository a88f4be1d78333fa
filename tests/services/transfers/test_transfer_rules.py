"""Transfers: refused inputs, permissions, and no unit lost."""

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
from models.transfers import StockTransferAction, StockTransferDirection, StockTransferStatus
from services.carts.basket_problems import InsufficientStock
from services.core.problems import (
    DomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
    Problem,
    VersionConflict,
)
from services.stores import coverage
from services.transfers import transfer_queries, transfer_states, transfers
from services.transfers.arrivals import TransferDiscrepancy
from services.transfers.transfer_lines import LineQuantity
from services.transfers.transfers import SameSourceAndDestination
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import unexplained_stock
from tests.support.transfers import TransferStores, refusal_of, store_manager, transfer_stores

S = StockTransferStatus
A = StockTransferAction


@pytest.fixture
async def stores(database: Database, city: City) -> TransferStores:
    return await transfer_stores(database, city)


async def test_an_invalid_request_is_refused(stores: TransferStores) -> None:
    city, product = stores.city, stores.product(0)
    store_ids = {"source_id": city.near.id, "destination_id": city.next.id}
    lines = [LineQuantity(product, 1)]
    cases: list[tuple[dict[str, Any], type[Problem], list[str]]] = [
        ({"destination_id": city.near.id}, SameSourceAndDestination, ["destinationStoreId"]),
        ({"source_id": city.second.stores[0].id}, NotFound, ["sourceStoreId"]),
        ({"destination_id": uuid7()}, NotFound, ["destinationStoreId"]),
        ({"lines": []}, InvalidInput, ["lines"]),
        ({"lines": [*lines, *lines]}, InvalidInput, ["lines", "1", "productId"]),
        ({"lines": [LineQuantity(product, 0)]}, InvalidInput, ["lines", "0", "quantity"]),
        ({"lines": [LineQuantity(product, -1)]}, InvalidInput, ["lines", "0", "quantity"]),
        (
            {"lines": [*lines, LineQuantity(city.second.products[0].id, 1)]},
            NotFound,
            ["lines", "1", "productId"],
        ),
        ({"note": "x" * 201}, InvalidInput, ["note"]),
    ]
    for changes, kind, path in cases:
        arguments = {**store_ids, "lines": lines, **changes}
        problem = await refusal_of(
            stores.run(transfers.request, stores.source_manager, **arguments)
        )
        assert (type(problem), problem.path) == (kind, ["input", *path]), changes


async def test_units_that_were_not_shipped_cannot_be_received(stores: TransferStores) -> None:
    row = await stores.ship(4)
    product = stores.product(0)
    cases = [
        ([TransferDiscrepancy(product, 5)], InvalidInput, ["0", "received"]),
        ([TransferDiscrepancy(product, 3, 2)], InvalidInput, ["0", "received"]),
        ([TransferDiscrepancy(product, -1)], InvalidInput, ["0", "received"]),
        ([TransferDiscrepancy(product, 0, -1)], InvalidInput, ["0", "damaged"]),
        ([TransferDiscrepancy(stores.product(1), 0)], NotFound, ["0", "productId"]),
        ([TransferDiscrepancy(product, 1, 0, "NONE")], NotFound, ["0", "batchCode"]),
        (
            [TransferDiscrepancy(product, 1), TransferDiscrepancy(product, 1)],
            InvalidInput,
            ["1", "productId"],
        ),
    ]
    for discrepancies, kind, path in cases:
        arguments = {"transfer_id": row.id, "discrepancies": discrepancies}
        problem = await refusal_of(
            stores.run(transfers.receive, stores.destination_manager, **arguments)
        )
        assert (type(problem), problem.path) == (kind, ["input", "discrepancies", *path]), (
            discrepancies
        )
    assert await stores.counters(stores.city.next, 0) == (50, 0, 4)


async def test_no_more_units_are_shipped_than_available_and_requested(
    stores: TransferStores,
) -> None:
    row = await stores.request(51, 3)
    await stores.run(transfers.approve, stores.source_manager, transfer_id=row.id)
    step = {"transfer_id": row.id}
    problem = await refusal_of(stores.run(transfers.ship, stores.source_manager, **step))
    assert isinstance(problem, InsufficientStock)
    assert (problem.product_id, problem.available) == (stores.product(0), 50)
    for lines, path in (
        ([LineQuantity(stores.product(1), 4)], ["lines", "0", "quantity"]),
        ([LineQuantity(stores.product(2), 1)], ["lines", "0", "productId"]),
        ([LineQuantity(stores.product(1), 0)], ["lines"]),
    ):
        problem = await refusal_of(
            stores.run(transfers.ship, stores.source_manager, lines=lines, **step)
        )
        assert problem.path == ["input", *path]
    lines = [LineQuantity(stores.product(0), 40)]
    await stores.run(transfers.ship, stores.source_manager, lines=lines, **step)
    assert await stores.counters(stores.city.next, 0) == (50, 0, 40)
    assert await stores.counters(stores.city.near, 1) == (50, 0, 0)


async def test_each_step_belongs_to_one_of_the_stores(
    stores: TransferStores, database: Database, city: City
) -> None:
    stranger, far_manager = (
        await store_manager(database, city.second.stores[0]),
        await store_manager(database, city.far),
    )
    staff = (
        await create_people(database, 1, Grant(Role.STORE_STAFF, city.company.id, city.near.id))
    )[0]
    row = await stores.request(1)
    step = {"transfer_id": row.id}
    for actor in (stranger, far_manager):
        assert isinstance(await refusal_of(stores.run(transfers.approve, actor, **step)), NotFound)
    for actor in (stores.destination_manager, staff):
        assert isinstance(
            await refusal_of(stores.run(transfers.approve, actor, **step)), InvalidTransition
        )
    problem = await refusal_of(
        stores.run(transfers.approve, stores.source_manager, expected_version=7, **step)
    )
    assert isinstance(problem, VersionConflict)
    assert problem.current_version == 1
    row = await stores.run(transfers.approve, stores.source_manager, expected_version=1, **step)
    assert transfer_states.MACHINE.available_actions(row, staff) == [A.START_PICKING, A.SHIP]
    assert transfer_states.MACHINE.available_actions(row, stores.destination_manager) == [A.CANCEL]
    await stores.run(transfers.start_picking, staff, **step)
    row = await stores.run(
        transfers.cancel, stores.destination_manager, note="changed plans", **step
    )
    assert (row.status, row.decision_note) == (S.CANCELED, "changed plans")
    assert transfer_states.MACHINE.available_actions(row, stores.source_manager) == []
    assert isinstance(
        await refusal_of(stores.run(transfers.ship, staff, **step)), InvalidTransition
    )


async def test_a_store_lists_incoming_and_outgoing_transfers(
    stores: TransferStores, city: City
) -> None:
    rows = [await stores.request(1) for _ in range(3)]
    async with stores.database.read(stores.source_manager.scope()) as session:

        async def listed(store: Store, actor: Actor, **filters: Any) -> list[UUID]:
            request = transfer_queries.TransferPageRequest(store.id, 2, **filters)
            page = await transfer_queries.list_of_store(session, actor=actor, request=request)
            return [transfer.id for transfer in page.nodes]

        newest = [row.id for row in reversed(rows)][:2]
        outgoing = StockTransferDirection.OUTGOING
        assert await listed(city.near, stores.source_manager) == newest
        assert await listed(city.near, stores.source_manager, direction=outgoing) == newest
        assert await listed(city.next, stores.destination_manager, direction=outgoing) == []
        assert await listed(city.near, stores.source_manager, status=S.IN_TRANSIT) == []
        with pytest.raises(DomainError):
            await listed(city.next, stores.source_manager)


async def test_a_warehouse_ships_transfers_but_serves_no_customers(
    stores: TransferStores, city: City
) -> None:
    async with stores.database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Store, city.near.id)).type = StoreKind.WAREHOUSE
    point = Point(city.latitude, city.longitude)
    async with stores.database.read_public() as session:
        serving = await coverage.find_serving_stores(session, point)
    assert [each.store.id for each in serving] == [city.next.id]
    assert (await stores.ship(5)).status is S.IN_TRANSIT


@pytest.mark.parametrize("seed", range(3))
async def test_all_shipped_units_are_received_damaged_missing_or_in_transit(
    stores: TransferStores, seed: int
) -> None:
    """Shipped = received + damaged + missing + in transit, for each product."""
    rng, city = random.Random(seed), stores.city
    shipped: Counter[int] = Counter()
    received: Counter[int] = Counter()
    damaged_units: Counter[int] = Counter()
    in_transit: Counter[int] = Counter()

    async def transfer_once() -> None:
        quantities = [rng.randint(1, 6) for _ in range(3)]
        row = await stores.ship(*quantities)
        shipped.update(dict(enumerate(quantities)))
        if rng.random() < 0.3:
            in_transit.update(dict(enumerate(quantities)))
            return
        discrepancies = []
        for nth, units in enumerate(quantities):
            good = rng.randint(0, units)
            damaged = rng.randint(0, units - good)
            discrepancies.append(TransferDiscrepancy(stores.product(nth), good, damaged))
            received[nth] += good
            damaged_units[nth] += damaged
        await stores.run(
            transfers.receive,
            stores.destination_manager,
            transfer_id=row.id,
            discrepancies=discrepancies,
        )

    await asyncio.gather(*(transfer_once() for _ in range(6)))
    for nth in range(3):
        assert await stores.counters(city.near, nth) == (50 - shipped[nth], 0, 0)
        counters = await stores.counters(city.next, nth)
        assert counters == (50 + received[nth], damaged_units[nth], in_transit[nth])
    assert await unexplained_stock(stores.database, city) == []
