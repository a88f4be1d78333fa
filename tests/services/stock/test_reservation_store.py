"""What becomes of held units: sold or let go for many orders at once, and kept while one pays."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from database.scope import PLATFORM
from jobs import orders as order_jobs
from models.events import Event
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import PaymentStatus
from models.stock import Hold, HoldStatus, StockEntry, StockReason
from services import checkout
from services.core.clock import moment
from services.events.event_log import inventory_stream
from services.orders import orders
from services.stock import reservations
from services.stock.stock_audit import conservation
from tests.support.city import City
from tests.support.customers import ORIGIN, people, product, wish
from tests.support.payments import Shop, stock

BANK_ASKS = "pm_card_threeDSecure2Required"


async def placed(shop: Shop, city: City, *quantities: int) -> list[Order]:
    customers = await people(shop.database, len(quantities))
    both = zip(customers, quantities, strict=True)
    return [await shop.buy(who, wish(city, units, (10, 11))) for who, units in both]


async def statuses(shop: Shop, some: Sequence[Order]) -> dict[UUID, set[HoldStatus]]:
    return {order.id: await shop.holds(order) for order in some}


async def due(shop: Shop, order: Order, seconds: float, *, age_seconds: float = 0) -> None:
    """Let an order, placed so long ago, be due so many seconds from now."""
    change = text(
        'update "order" set due_at = now() + make_interval(secs => :ahead),'
        " placed_at = placed_at - make_interval(secs => :age) where id = :order"
    )
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        given = {"order": order.id, "ahead": seconds, "age": age_seconds}
        await session.execute(change, given)


async def left(shop: Shop, order: Order) -> tuple[float, float]:
    """The seconds until the order is due, and until its first hold ends."""
    async with shop.database.read(PLATFORM) as session:
        now = await moment(session)
        ends = select(func.min(Hold.expires_at)).where(Hold.order_id == order.id)
        until = (await session.get_one(Order, order.id)).due_at
        first = await session.scalar(ends)
    assert until is not None
    assert first is not None
    return (until - now).total_seconds(), (first - now).total_seconds()


async def told(shop: Shop, city: City) -> list[dict[str, object]]:
    async with shop.database.read(PLATFORM) as session:
        stream = Event.stream == inventory_stream(city.near.id)
        found = await session.scalars(select(Event.body).where(stream).order_by(Event.seq))
        return list(found)


async def test_many_orders_are_claimed_by_two_statements(shop: Shop, city: City) -> None:
    made = await placed(shop, city, 1, 2, 3)
    before = len(await told(shop, city))
    heard: list[str] = []
    counted = shop.database.counted.copy()
    shop.database.heard = heard.append
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        shop.database.heard = None
        locked = [await orders.lock(session, one.id) for one in made]
        heard.clear()
        assert await reservations.claim(session, locked) == {one.id for one in made}
        assert len(heard) == 2
        assert await reservations.claim(session, locked) == set(), "nothing is sold twice"
    assert await stock(shop, city) == (44, 0)
    assert set.union(*(await statuses(shop, made)).values()) == {HoldStatus.CLAIMED}
    [event] = (await told(shop, city))[before:]
    keys = sorted(str(product(city, index)) for index in (10, 11))
    assert [one["product_id"] for one in event["changes"]] == keys  # type: ignore[attr-defined] # a list of changes
    async with shop.database.read(PLATFORM) as session:
        sale = (StockEntry.store_id == city.near.id) & (StockEntry.reason == StockReason.SALE)
        of = (StockEntry.reference, StockEntry.actor_id, StockEntry.delta)
        rows = await session.execute(select(*of).where(sale))
        assert sorted(rows.all()) == sorted(
            (str(one.id), one.customer_id, -units)
            for one, units in zip(made, (1, 2, 3), strict=True)
            for _ in range(2)
        )
        assert await conservation(session, city.near.id) == []
    done = shop.database.counted - counted
    assert (done["claim", "orders"], done["claim", "units"]) == (3, 12)


async def test_what_is_rolled_back_is_not_counted(shop: Shop, city: City) -> None:
    [order] = await placed(shop, city, 1)
    counted = shop.database.counted.copy()

    async def fail() -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            assert await reservations.release(session, [order.id]) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert shop.database.counted == counted
    assert await stock(shop, city) == (50, 1)


async def test_claims_and_releases_of_shared_products_never_wait_in_a_circle(
    shop: Shop, city: City
) -> None:
    made = await placed(shop, city, *([1] * 16))

    async def one(order: Order, number: int) -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            row = await orders.lock(session, order.id)
            if number % 2:
                assert await reservations.claim(session, [row]) == {order.id}
            else:
                assert await reservations.release(session, [order.id]) == 2

    async def swept() -> None:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            await reservations.expire(session)

    work = [one(order, number) for number, order in enumerate(made)]
    await asyncio.gather(*work, *(swept() for _ in range(4)))
    assert await stock(shop, city) == (42, 0)
    async with shop.database.read(PLATFORM) as session:
        assert await conservation(session, city.near.id) == []


async def test_units_held_elsewhere_go_back_there(shop: Shop, city: City) -> None:
    [order] = await placed(shop, city, 2)
    move = text('update "order" set store_id = :store where id = :order')
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(move, {"store": city.next.id, "order": order.id})
        row = await orders.lock(session, order.id)
        assert await reservations.claim(session, [row]) == set()
    assert await stock(shop, city) == (50, 0)
    assert await shop.holds(order) == {HoldStatus.RELEASED}


@pytest.mark.parametrize(
    ("card", "status"),
    [
        (BANK_ASKS, PaymentStatus.ACTION_REQUIRED),
        ("pm_card_chargeDeclined", PaymentStatus.FAILED),
    ],
)
async def test_who_tries_to_pay_in_the_last_minute_keeps_the_units(
    shop: Shop, city: City, buyer: Actor, card: str, status: PaymentStatus
) -> None:
    order, soon = await shop.buy(buyer, wish(city)), await shop.buy(buyer, wish(city))
    await due(shop, soon, 20)
    for one in (order, soon):
        assert await shop.pay(one, card) is status
    assert "PAYMENT_TIME_EXTENDED" not in await shop.told(order), "there is time enough"
    assert (await shop.told(soon))[-1] == "PAYMENT_TIME_EXTENDED"
    until, held = await left(shop, soon)
    assert 170 < until <= checkout.PAY_AGAIN_SECONDS
    assert held >= until + reservations.BEYOND_SECONDS - 1
    assert await shop.pay(soon) is PaymentStatus.AUTHORIZED
    assert (await shop.order(soon)).status is OrderStatus.CONFIRMED


async def test_nobody_is_thrown_out_while_their_bank_asks_but_not_forever(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    assert await shop.pay(order, BANK_ASKS) is PaymentStatus.ACTION_REQUIRED
    await due(shop, order, -1, age_seconds=480)
    await order_jobs.expire(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.PLACED
    until, held = await left(shop, order)
    assert 170 < until < held
    await due(shop, order, -1, age_seconds=300)
    await order_jobs.expire(shop.database, shop.payments)
    until, held = await left(shop, order)
    assert until < reservations.PAID_LATEST_SECONDS - 780 + 5 < held
    await due(shop, order, -1, age_seconds=200)
    await order_jobs.expire(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.EXPIRED
    assert await shop.holds(order) == {HoldStatus.EXPIRED}
    assert await stock(shop, city) == (50, 0)
    assert (await shop.told(order)).count("PAYMENT_TIME_EXTENDED") == 2


async def test_an_order_is_extended_or_expires_but_never_both(shop: Shop, city: City) -> None:
    async def more(order: Order) -> bool:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await reservations.extend(session, await orders.lock(session, order.id), 60)

    async def over(order: Order) -> bool:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await checkout.expire(session, order.id)

    made = await placed(shop, city, *([1] * 8))
    for number, order in enumerate(made):
        await due(shop, order, -1)
        first, second = (more, over) if number % 2 else (over, more)
        answers = await asyncio.gather(first(order), second(order))
        assert sorted(answers) == [False, True]
        ended = (await shop.order(order)).status is OrderStatus.EXPIRED
        assert await shop.holds(order) == {HoldStatus.EXPIRED if ended else HoldStatus.HELD}
        if not ended:
            until, held = await left(shop, order)
            assert held > until > 50
