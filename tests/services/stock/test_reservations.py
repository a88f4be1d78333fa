"""Holds under pressure: the last unit is sold once, and nothing is lost on the way back."""

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
from models.stock import Hold, HoldStatus, Stock
from services.carts.basket_problems import InsufficientStock
from services.core import request_batcher
from services.core.problems import Refused
from services.stock import reservations
from services.stock.reservation_decisions import Held, Short, grant
from services.stock.stock_audit import conservation
from tests.support import city as cities
from tests.support.city import City
from tests.support.customers import ORIGIN, people, product, wish
from workflows.checkout import place_order
from workflows.stock.reservation_batcher import Combiner


@dataclass(frozen=True)
class Doors:
    database: Database
    combiner: Combiner


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    combiner = Combiner(database)
    combiner.start()
    yield Doors(database, combiner)
    await combiner.close()


async def stock_of(database: Database, store_id: UUID, product_id: UUID) -> tuple[int, int]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Stock, (store_id, product_id))
        return row.on_hand, row.held


async def set_stock(
    database: Database, store_ids: Sequence[UUID], product_id: UUID, n: int
) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        for store_id in store_ids:
            row = await session.get_one(Stock, (store_id, product_id))
            row.on_hand = n


async def test_a_hundred_customers_get_one_unit_once(doors: Doors) -> None:
    database = doors.database
    city = await cities.build(database)
    only = product(city)
    await set_stock(database, [city.near.id], only, 1)
    await set_stock(database, [city.next.id], only, 0)
    customers = await people(database, 100)
    answers = await asyncio.gather(
        *(place_order.place(doors, actor=one, origin=ORIGIN, wish=wish(city)) for one in customers),
        return_exceptions=True,
    )
    placed = [one for one in answers if isinstance(one, place_order.Placed)]
    refused = [one for one in answers if isinstance(one, Refused)]
    assert (len(placed), len(refused)) == (1, 99), answers
    for one in refused:
        (reason,) = one.reasons
        assert isinstance(reason, InsufficientStock)
        assert (reason.product_id, reason.available) == (only, 0)
    assert await stock_of(database, city.near.id, only) == (1, 1)
    async with database.read(PLATFORM) as session:
        orders = select(func.count()).where(Order.company_id == city.company.id)
        assert await session.scalar(orders) == 1


async def test_reading_and_then_writing_oversells(database: Database) -> None:
    """The control: what the combiner is there for. Without it, one unit is sold many times."""
    city = await cities.build(database, on_hand=1)
    at = {"store": city.near.id, "product": product(city)}
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


async def test_a_hold_is_counted_once_however_often_it_is_asked(doors: Doors, city: City) -> None:
    order_id = uuid7()
    wanted = {product(city, 0): 2, product(city, 1): 3}
    place = (city.company.id, city.near.id, order_id, wanted, 60)
    answers = await asyncio.gather(*(doors.combiner.hold(*place) for _ in range(50)))
    assert answers == [Held(city.near.id)] * 50
    elsewhere = await doors.combiner.hold(city.company.id, city.next.id, order_id, wanted, 60)
    assert elsewhere == Held(city.near.id)
    assert await stock_of(doors.database, city.near.id, product(city, 0)) == (50, 2)
    assert await stock_of(doors.database, city.near.id, product(city, 1)) == (50, 3)


async def test_all_of_a_cart_is_held_or_nothing(doors: Doors, city: City) -> None:
    wanted = {product(city, 0): 50, product(city, 1): 51}
    answer = await doors.combiner.hold(city.company.id, city.near.id, uuid7(), wanted, 60)
    assert answer == Short([(product(city, 1), 50)])
    unknown = {uuid7(): 1}
    answer = await doors.combiner.hold(city.company.id, city.near.id, uuid7(), unknown, 60)
    assert isinstance(answer, Short)
    assert await stock_of(doors.database, city.near.id, product(city, 0)) == (50, 0)


async def test_what_is_given_back_can_be_held_again(doors: Doors, city: City) -> None:
    order_id, wanted = uuid7(), {product(city): 50}
    place = (city.company.id, city.near.id, order_id, wanted, 60)
    for _ in range(3):
        assert await doors.combiner.hold(*place) == Held(city.near.id)
        assert await stock_of(doors.database, city.near.id, product(city)) == (50, 50)
        async with doors.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order_id]) == 1
        async with doors.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order_id]) == 0
        assert await stock_of(doors.database, city.near.id, product(city)) == (50, 0)


async def test_the_sweeper_takes_holds_whose_order_never_came(doors: Doors, city: City) -> None:
    lost, fresh = uuid7(), uuid7()
    for order_id in (lost, fresh):
        await doors.combiner.hold(city.company.id, city.near.id, order_id, {product(city): 1}, 600)
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        late = text("update hold set created_at = now() - interval '2 min' where order_id = :order")
        await session.execute(late, {"order": lost})
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        assert await reservations.expire(session) >= 1  # others have left holds behind, too
    async with doors.database.read(PLATFORM) as session:
        rows = await session.execute(
            select(Hold.order_id, Hold.status).where(Hold.order_id.in_([lost, fresh]))
        )
        assert dict(rows.all()) == {lost: HoldStatus.EXPIRED, fresh: HoldStatus.HELD}
        company = city.company.id
        differences = await conservation(session)
    stores = {store.id for store in city.first.stores if store.company_id == company}
    assert [one for one in differences if one.store_id in stores] == []


async def test_a_batch_that_fails_is_tried_one_by_one(
    doors: Doors, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def flaky(session: Any, batch: Any) -> Any:
        if len(batch) > 1 or batch[0].order_id == poison:
            raise RuntimeError("the database went away")
        return await grant(session, batch)

    monkeypatch.setattr("workflows.stock.reservation_batcher.grant", flaky)
    poison = uuid7()
    ids = [uuid7(), poison, uuid7(), uuid7()]
    wanted = {product(city): 1}
    answers = await asyncio.gather(
        *(doors.combiner.hold(city.company.id, city.near.id, one, wanted, 60) for one in ids),
        return_exceptions=True,
    )
    assert [isinstance(one, Held) for one in answers] == [True, False, True, True]
    assert await stock_of(doors.database, city.near.id, product(city)) == (50, 3)


async def test_a_caller_that_leaves_does_not_cancel_the_others(doors: Doors, city: City) -> None:
    wanted = {product(city): 1}
    waiting = [
        asyncio.create_task(doors.combiner.hold(city.company.id, city.near.id, uuid7(), wanted, 60))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(one, Held) for one in answers] == [False, True, True, True, True]


async def test_a_full_queue_sheds_with_a_typed_reason(doors: Doors, city: City) -> None:
    resting = Combiner(doors.database)
    resting._workers = [asyncio.create_task(asyncio.sleep(3600))]
    wanted = {product(city): 1}
    place = (city.company.id, city.near.id)
    waiting = [asyncio.create_task(resting.hold(*place, uuid7(), wanted, 60)) for _ in range(1000)]
    await asyncio.sleep(0.05)
    with pytest.raises(Refused) as refused:
        await resting.hold(*place, uuid7(), wanted, 60)
    assert isinstance(refused.value.reasons[0], request_batcher.Busy)
    # A rush on one company sheds its own last: another one's customer is let in.
    other = resting.hold(city.second.id, city.second.stores[0].id, uuid7(), wanted, 60)
    waiting.append(asyncio.create_task(other))
    await asyncio.sleep(0.05)
    left_out = [one for one in waiting if one.done()]
    assert left_out == [waiting[999]]
    assert isinstance(left_out[0].exception(), Refused)
    assert (resting.waiting, resting.counters.shed) == (1000, 2)
    assert resting._queue.get_nowait().asked.company_id == city.company.id
    assert resting._queue.get_nowait().asked.company_id == city.second.id
    for one in (*waiting, *resting._workers):
        one.cancel()
