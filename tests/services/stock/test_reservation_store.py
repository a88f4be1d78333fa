"""Reservations of many orders: sold, released and extended, without deadlocks."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from jobs import orders as order_jobs
from models.events import Event
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import PaymentStatus
from models.stock import Hold, HoldStatus, StockMovement, StockMovementReason
from services.checkout import payment_outcomes
from services.core.clock import current_time
from services.events.event_log import inventory_stream
from services.orders import order_locks
from services.stock import reservations
from services.stock.audit.stock_audit import StockDifference, find_differences
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.payments import Shop, stock_counts

BANK_ASKS = "pm_card_threeDSecure2Required"


async def place_orders(shop: Shop, city: City, *quantities: int) -> list[Order]:
    customers = await create_people(shop.database, len(quantities))
    requests = [order_request(city, units, (10, 11)) for units in quantities]
    pairs = zip(customers, requests, strict=True)
    return [await shop.buy(customer, request) for customer, request in pairs]


async def statuses_of(shop: Shop, orders: Sequence[Order]) -> dict[UUID, set[HoldStatus]]:
    return {order.id: await shop.reservation_statuses(order) for order in orders}


async def set_due(shop: Shop, order: Order, seconds: float, *, age_seconds: float = 0) -> None:
    """Set the deadline of an order, and make the order `age_seconds` older."""
    change = text(
        'update "order" set payment_due_at = now() + make_interval(secs => :ahead),'
        " placed_at = placed_at - make_interval(secs => :age) where id = :order"
    )
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        parameters = {"order": order.id, "ahead": seconds, "age": age_seconds}
        await session.execute(change, parameters)


async def remaining_seconds(shop: Shop, order: Order) -> tuple[float, float]:
    """The seconds until the order is due, and until its first reservation expires."""
    async with shop.database.read(PLATFORM) as session:
        now = await current_time(session)
        first_expiry = select(func.min(Hold.expires_at)).where(Hold.order_id == order.id)
        due_at = (await session.get_one(Order, order.id)).payment_due_at
        expires_at = await session.scalar(first_expiry)
    assert due_at is not None
    assert expires_at is not None
    return (due_at - now).total_seconds(), (expires_at - now).total_seconds()


async def stock_events(shop: Shop, city: City) -> list[dict[str, object]]:
    async with shop.database.read(PLATFORM) as session:
        stream = Event.stream == inventory_stream(city.near.id)
        bodies = await session.scalars(select(Event.body).where(stream).order_by(Event.seq))
        return list(bodies)


async def counter_differences(session: AsyncSession, city: City) -> list[StockDifference]:
    """Counters that are not the ledger and the reservations.

    These tests end reservations of orders that stay unpaid and have no fulfillment, which the
    audit of each order reports rightly.
    """
    differences = await find_differences(session, city.near.id)
    return [each for each in differences if each.order_id is None]


async def test_many_orders_are_sold_by_two_statements(shop: Shop, city: City) -> None:
    placed = await place_orders(shop, city, 1, 2, 3)
    before = len(await stock_events(shop, city))
    statements: list[str] = []
    counts_before = shop.database.activity_counts.copy()
    shop.database.observer = statements.append
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        shop.database.observer = None
        locked = [await order_locks.lock(session, order.id) for order in placed]
        statements.clear()
        assert await reservations.commit_sale(session, locked) == {order.id for order in placed}
        assert len(statements) == 2
        assert await reservations.commit_sale(session, locked) == set(), "nothing is sold twice"
    assert await stock_counts(shop, city) == (44, 0)
    assert set.union(*(await statuses_of(shop, placed)).values()) == {HoldStatus.CLAIMED}
    [event] = (await stock_events(shop, city))[before:]
    keys = sorted(str(product_id(city, index)) for index in (10, 11))
    assert [change["product_id"] for change in event["changes"]] == keys  # type: ignore[attr-defined] # a list of changes
    async with shop.database.read(PLATFORM) as session:
        sale = (StockMovement.store_id == city.near.id) & (
            StockMovement.reason == StockMovementReason.SALE
        )
        columns = (StockMovement.reference, StockMovement.actor_id, StockMovement.on_hand_delta)
        rows = await session.execute(select(*columns).where(sale))
        assert sorted(rows.all()) == sorted(
            (str(order.id), order.customer_id, -units)
            for order, units in zip(placed, (1, 2, 3), strict=True)
            for _ in range(2)
        )
        assert await counter_differences(session, city) == []
    activity = shop.database.activity_counts - counts_before
    assert (activity["claim", "orders"], activity["claim", "units"]) == (3, 12)


async def test_activity_of_a_rolled_back_transaction_is_not_counted(shop: Shop, city: City) -> None:
    [order] = await place_orders(shop, city, 1)
    counts_before = shop.database.activity_counts.copy()

    async def fail() -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order.id]) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert shop.database.activity_counts == counts_before
    assert await stock_counts(shop, city) == (50, 1)


async def test_sales_and_releases_of_shared_products_do_not_deadlock(
    shop: Shop, city: City
) -> None:
    placed = await place_orders(shop, city, *([1] * 16))

    async def sell_or_release(order: Order, number: int) -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            row = await order_locks.lock(session, order.id)
            if number % 2:
                assert await reservations.commit_sale(session, [row]) == {order.id}
            else:
                assert await reservations.release(session, [order.id]) == 2

    async def expire() -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            await reservations.expire(session, [order.id for order in placed])

    steps = [sell_or_release(order, number) for number, order in enumerate(placed)]
    await asyncio.gather(*steps, *(expire() for _ in range(4)))
    assert await stock_counts(shop, city) == (42, 0)
    async with shop.database.read(PLATFORM) as session:
        assert await counter_differences(session, city) == []


async def test_units_reserved_in_another_store_are_released_there(shop: Shop, city: City) -> None:
    [order] = await place_orders(shop, city, 2)
    move = text('update "order" set store_id = :store where id = :order')
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(move, {"store": city.next.id, "order": order.id})
        row = await order_locks.lock(session, order.id)
        assert await reservations.commit_sale(session, [row]) == set()
    assert await stock_counts(shop, city) == (50, 0)
    assert await shop.reservation_statuses(order) == {HoldStatus.RELEASED}


@pytest.mark.parametrize(
    ("card", "status"),
    [
        (BANK_ASKS, PaymentStatus.ACTION_REQUIRED),
        ("pm_card_chargeDeclined", PaymentStatus.FAILED),
    ],
)
async def test_a_payment_attempt_in_the_last_minute_extends_the_reservation(
    shop: Shop, city: City, buyer: Actor, card: str, status: PaymentStatus
) -> None:
    order, due_soon = (
        await shop.buy(buyer, order_request(city)),
        await shop.buy(buyer, order_request(city)),
    )
    await set_due(shop, due_soon, 20)
    for each in (order, due_soon):
        assert await shop.pay(each, card) is status
    assert "PAYMENT_DEADLINE_EXTENDED" not in await shop.event_types(order), (
        "the deadline is far enough"
    )
    assert (await shop.event_types(due_soon))[-1] == "PAYMENT_DEADLINE_EXTENDED"
    due_seconds, reserved_seconds = await remaining_seconds(shop, due_soon)
    assert 170 < due_seconds <= payment_outcomes.PAYMENT_EXTENSION_SECONDS
    assert reserved_seconds >= due_seconds + reservations.RESERVATION_GRACE_SECONDS - 1
    assert await shop.pay(due_soon) is PaymentStatus.AUTHORIZED
    assert (await shop.order(due_soon)).status is OrderStatus.CONFIRMED


async def test_bank_authentication_extends_the_deadline_up_to_the_maximum(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    assert await shop.pay(order, BANK_ASKS) is PaymentStatus.ACTION_REQUIRED
    await set_due(shop, order, -1, age_seconds=480)
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.PLACED
    due_seconds, reserved_seconds = await remaining_seconds(shop, order)
    assert 170 < due_seconds < reserved_seconds
    await set_due(shop, order, -1, age_seconds=300)
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)
    due_seconds, reserved_seconds = await remaining_seconds(shop, order)
    assert due_seconds < reservations.MAX_PAYMENT_WAIT_SECONDS - 780 + 5 < reserved_seconds
    await set_due(shop, order, -1, age_seconds=200)
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.EXPIRED
    assert await shop.reservation_statuses(order) == {HoldStatus.EXPIRED}
    assert await stock_counts(shop, city) == (50, 0)
    assert (await shop.event_types(order)).count("PAYMENT_DEADLINE_EXTENDED") == 2


async def test_an_order_is_either_extended_or_expired(shop: Shop, city: City) -> None:
    async def extend(order: Order) -> bool:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await reservations.extend(session, await order_locks.lock(session, order.id), 60)

    async def expire(order: Order) -> bool:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await payment_outcomes.expire_order(session, order.id)

    placed = await place_orders(shop, city, *([1] * 8))
    for number, order in enumerate(placed):
        await set_due(shop, order, -1)
        first, second = (extend, expire) if number % 2 else (expire, extend)
        results = await asyncio.gather(first(order), second(order))
        assert sorted(results) == [False, True]
        expired = (await shop.order(order)).status is OrderStatus.EXPIRED
        assert await shop.reservation_statuses(order) == {
            HoldStatus.EXPIRED if expired else HoldStatus.HELD
        }
        if not expired:
            due_seconds, reserved_seconds = await remaining_seconds(shop, order)
            assert reserved_seconds > due_seconds > 50
