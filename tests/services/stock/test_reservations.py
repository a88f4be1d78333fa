"""Reservations under load: the last unit is reserved once, released units again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.orders import Order
from models.stock import Hold, HoldStatus, StockLevel
from services.carts.basket_problems import InsufficientStock
from services.core import request_batcher
from services.core.problems import DomainError
from services.stock import reservations
from services.stock.audit.stock_audit import find_differences
from services.stock.reservation_decisions import (
    ReservationShortage,
    ReservationSuccess,
    reserve_batch,
)
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import ReservationBatcher


@dataclass(frozen=True)
class ReservationDependencies:
    database: Database
    reservation_queue: ReservationBatcher


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[ReservationDependencies]:
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    yield ReservationDependencies(database, reservation_queue)
    await reservation_queue.close()


async def stock_of(database: Database, store_id: UUID, product_id: UUID) -> tuple[int, int]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(StockLevel, (store_id, product_id))
        return row.on_hand, row.reserved


async def set_stock(
    database: Database, store_ids: Sequence[UUID], product_id: UUID, n: int
) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        for store_id in store_ids:
            row = await session.get_one(StockLevel, (store_id, product_id))
            row.on_hand = n


async def test_one_of_a_hundred_customers_gets_the_last_unit(
    dependencies: ReservationDependencies,
) -> None:
    database = dependencies.database
    city = await cities.build_city(database)
    only = product_id(city)
    await set_stock(database, [city.near.id], only, 1)
    await set_stock(database, [city.next.id], only, 0)
    customers = await create_people(database, 100)
    request = order_request(city)
    results = await asyncio.gather(
        *(
            place_order.place(dependencies, actor=actor, origin=ORIGIN, order_request=request)
            for actor in customers
        ),
        return_exceptions=True,
    )
    placed = [each for each in results if isinstance(each, place_order.PlaceOrderResult)]
    refused = [each for each in results if isinstance(each, DomainError)]
    assert (len(placed), len(refused)) == (1, 99), results
    for error in refused:
        (problem,) = error.problems
        assert isinstance(problem, InsufficientStock)
        assert (problem.product_id, problem.available) == (only, 0)
    assert await stock_of(database, city.near.id, only) == (1, 1)
    async with database.read(PLATFORM) as session:
        orders = select(func.count()).where(Order.company_id == city.company.id)
        assert await session.scalar(orders) == 1


async def test_reading_before_writing_without_a_lock_oversells(database: Database) -> None:
    """The control experiment: without the reservation queue, one unit is sold many times."""
    city = await cities.build_city(database, on_hand=1)
    at = {"store": city.near.id, "product": product_id(city)}
    sold = 0
    ready = asyncio.Barrier(10)

    async def buy() -> None:
        nonlocal sold
        async with database.write(PLATFORM, ORIGIN) as session:
            read = "select on_hand from stock where store_id = :store and product_id = :product"
            left = await session.scalar(text(read), at)
            async with asyncio.timeout(5):
                await ready.wait()
            if left:
                write = text(
                    "update stock set on_hand = greatest(0, on_hand - 1)"
                    " where store_id = :store and product_id = :product"
                )
                await session.execute(write, at)
                sold += 1

    await asyncio.gather(*(buy() for _ in range(10)))
    assert sold > 1


async def test_repeated_requests_of_an_order_reserve_once(
    dependencies: ReservationDependencies, city: City
) -> None:
    reserve, order_id = dependencies.reservation_queue.reserve, uuid7()
    quantities = {product_id(city, 0): 2, product_id(city, 1): 3}
    request = (city.company.id, city.near.id, order_id, quantities, 60)
    results = await asyncio.gather(*(reserve(*request) for _ in range(50)))
    assert results == [ReservationSuccess(city.near.id)] * 50
    in_other_store = await reserve(city.company.id, city.next.id, order_id, quantities, 60)
    assert in_other_store == ReservationSuccess(city.near.id)
    assert await stock_of(dependencies.database, city.near.id, product_id(city, 0)) == (50, 2)
    assert await stock_of(dependencies.database, city.near.id, product_id(city, 1)) == (50, 3)


async def test_all_units_of_a_cart_are_reserved_or_none(
    dependencies: ReservationDependencies, city: City
) -> None:
    reserve = dependencies.reservation_queue.reserve
    quantities = {product_id(city, 0): 50, product_id(city, 1): 51}
    result = await reserve(city.company.id, city.near.id, uuid7(), quantities, 60)
    assert result == ReservationShortage([(product_id(city, 1), 50)])
    unknown = {uuid7(): 1}
    result = await reserve(city.company.id, city.near.id, uuid7(), unknown, 60)
    assert isinstance(result, ReservationShortage)
    assert await stock_of(dependencies.database, city.near.id, product_id(city, 0)) == (50, 0)


async def test_released_units_can_be_reserved_again(
    dependencies: ReservationDependencies, city: City
) -> None:
    order_id, quantities = uuid7(), {product_id(city): 50}
    request = (city.company.id, city.near.id, order_id, quantities, 60)
    for _ in range(3):
        result = await dependencies.reservation_queue.reserve(*request)
        assert result == ReservationSuccess(city.near.id)
        assert await stock_of(dependencies.database, city.near.id, product_id(city)) == (50, 50)
        async with dependencies.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order_id]) == 1
        async with dependencies.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order_id]) == 0
        assert await stock_of(dependencies.database, city.near.id, product_id(city)) == (50, 0)


async def test_reservations_without_an_order_expire(
    dependencies: ReservationDependencies, city: City
) -> None:
    old, recent = uuid7(), uuid7()
    for order_id in (old, recent):
        await dependencies.reservation_queue.reserve(
            city.company.id, city.near.id, order_id, {product_id(city): 1}, 600
        )
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        make_older = text(
            "update hold set created_at = now() - interval '2 min' where order_id = :order"
        )
        await session.execute(make_older, {"order": old})
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        assert await reservations.expire(session, [old, recent]) == 1
    async with dependencies.database.read(PLATFORM) as session:
        rows = await session.execute(
            select(Hold.order_id, Hold.status).where(Hold.order_id.in_([old, recent]))
        )
        assert dict(rows.all()) == {old: HoldStatus.EXPIRED, recent: HoldStatus.HELD}
        company = city.company.id
        differences = await find_differences(session)
    stores = {store.id for store in city.first.stores if store.company_id == company}
    assert [each for each in differences if each.store_id in stores] == []


async def test_a_failed_batch_is_retried_request_by_request(
    dependencies: ReservationDependencies, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def flaky(session: Any, batch: Any) -> Any:
        if len(batch) > 1 or batch[0].order_id == poison:
            raise RuntimeError("the database went away")
        return await reserve_batch(session, batch)

    monkeypatch.setattr("workflows.stock.reservation_batcher.reserve_batch", flaky)
    poison = uuid7()
    reserve, quantities = dependencies.reservation_queue.reserve, {product_id(city): 1}
    results = await asyncio.gather(
        *(
            reserve(city.company.id, city.near.id, order_id, quantities, 60)
            for order_id in (uuid7(), poison, uuid7(), uuid7())
        ),
        return_exceptions=True,
    )
    assert [isinstance(each, ReservationSuccess) for each in results] == [True, False, True, True]
    assert await stock_of(dependencies.database, city.near.id, product_id(city)) == (50, 3)


async def test_a_canceled_caller_does_not_cancel_the_others(
    dependencies: ReservationDependencies, city: City
) -> None:
    reserve, quantities = dependencies.reservation_queue.reserve, {product_id(city): 1}
    tasks = [
        asyncio.create_task(reserve(city.company.id, city.near.id, uuid7(), quantities, 60))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, ReservationSuccess) for each in results] == [False] + [True] * 4


async def test_a_full_queue_rejects_requests_as_busy(
    dependencies: ReservationDependencies, city: City
) -> None:
    idle = ReservationBatcher(dependencies.database)
    idle._workers = [asyncio.create_task(asyncio.sleep(3600))]
    quantities = {product_id(city): 1}
    store = (city.company.id, city.near.id)
    waiting = [
        asyncio.create_task(idle.reserve(*store, uuid7(), quantities, 60)) for _ in range(1000)
    ]
    await asyncio.sleep(0.05)
    with pytest.raises(DomainError) as refused:
        await idle.reserve(*store, uuid7(), quantities, 60)
    assert isinstance(refused.value.problems[0], request_batcher.ServiceOverloaded)
    # A rush on one company rejects the last request of that company, not another company's.
    other = idle.reserve(city.second.id, city.second.stores[0].id, uuid7(), quantities, 60)
    waiting.append(asyncio.create_task(other))
    await asyncio.sleep(0.05)
    rejected = [task for task in waiting if task.done()]
    assert rejected == [waiting[999]]
    assert isinstance(rejected[0].exception(), DomainError)
    assert (idle.waiting, idle.counters.shed) == (1000, 2)
    assert idle._queue.get_nowait().request.company_id == city.company.id
    assert idle._queue.get_nowait().request.company_id == city.second.id
    for task in (*waiting, *idle._workers):
        task.cancel()
