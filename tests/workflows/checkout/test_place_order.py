"""Placing an order and calling it off: one order for equal requests, every reason at once."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from database.base import uuid7
from database.scope import PLATFORM
from jobs import payments
from models.carts import Cart, CartLine
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus
from services.carts import baskets
from services.carts.basket_problems import (
    BelowMinimum,
    EmptyCart,
    InsufficientStock,
    PriceChanged,
    ProductUnavailable,
)
from services.core import idempotency
from services.core.problems import IllegalStep, InvalidInput, NotFound, Refused
from services.orders import stages
from services.stores.coverage import NotServiceable
from tests.support.city import City
from tests.support.customers import ORIGIN, people, product, wish
from tests.support.payments import Shop, cancel, stock
from workflows.checkout import place_order


async def refused(shop: Shop, actor: Actor, wanted: baskets.Wish) -> list[object]:
    with pytest.raises(Refused) as caught:
        await shop.buy(actor, wanted)
    return list(caught.value.reasons)


async def count(shop: Shop, model: type, actor: Actor) -> int:
    async with shop.database.read(PLATFORM) as session:
        rows = select(func.count()).where(model.customer_id == actor.person_id)  # type: ignore[attr-defined] # rows of a customer
        return await session.scalar(rows) or 0


async def test_fifty_equal_requests_place_one_order(shop: Shop, city: City, buyer: Actor) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        cart = Cart(person_id=buyer.person_id, company_id=city.company.id)
        session.add(cart)
        await session.flush()
        line = {"cart_id": cart.id, "person_id": buyer.person_id, "quantity": 2}
        session.add(CartLine(product_id=product(city), **line))
    wanted = baskets.Wish(point=wish(city).point)
    made = idempotency.promise(str(buyer.person_id), uuid7().hex, "orderPlace", wanted)
    bought = await asyncio.gather(*(shop.buy(buyer, wanted, made) for _ in range(50)))
    assert len({order.id for order in bought}) == 1
    assert await count(shop, Order, buyer) == 1
    assert await count(shop, Payment, buyer) == 1
    assert await stock(shop, city) == (50, 2)
    other = idempotency.promise(made.owner, made.key, "orderPlace", "other arguments")
    with pytest.raises(idempotency.KeyReused):
        await shop.buy(buyer, wish(city), other)
    (empty,) = await refused(shop, buyer, wanted)
    assert isinstance(empty, EmptyCart)


async def test_an_order_whose_process_died_before_asking_is_asked_for_by_the_job(
    shop: Shop, city: City, buyer: Actor
) -> None:
    placed = await place_order.place(shop, actor=buyer, origin=ORIGIN, wish=wish(city))
    assert (await shop.payment(placed.order)).intent_id is None
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        # Before all that other tests left to be settled: a run takes the longest due.
        due = "update payment set due_at = now() - interval '1 day' where order_id = :order"
        await session.execute(text(due), {"order": placed.order.id})
    await payments.settle(shop.database, shop.payments)
    assert (await shop.payment(placed.order)).client_secret


async def test_every_reason_is_said_at_once(shop: Shop, city: City, buyer: Actor) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        off = text("update listing set available = false where product_id = :p")
        await session.execute(off, {"p": product(city, 3)})
    wanted = wish(city, 51, (1, 2, 3))
    reasons = await refused(shop, buyer, wanted)
    kinds = sorted(type(one).__name__ for one in reasons)
    assert kinds == ["InsufficientStock", "InsufficientStock", "ProductUnavailable"]
    assert {one.available for one in reasons if isinstance(one, InsufficientStock)} == {50}
    assert await count(shop, Order, buyer) == 0


async def test_the_next_store_brings_what_the_nearest_lacks(
    shop: Shop, city: City, buyer: Actor
) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        none = text("update stock set on_hand = 0 where store_id = :s and product_id = :p")
        await session.execute(none, {"s": city.near.id, "p": product(city)})
    order = await shop.buy(buyer, wish(city))
    assert order.store_id == city.next.id


async def test_what_can_never_be_ordered_is_refused_and_leaves_nothing(
    shop: Shop, city: City, buyer: Actor
) -> None:
    many = baskets.Wish(
        point=wish(city).point, lines=tuple(baskets.Wanted(uuid7(), 1) for _ in range(1000))
    )
    ocean = baskets.Wish(point=type(many.point)(0.0, -30.0), lines=wish(city).lines)  # type: ignore[misc] # a point is there
    unknown = baskets.Wish(point=many.point, lines=(baskets.Wanted(uuid7(), 1),))
    cases: list[tuple[baskets.Wish, type]] = [
        (many, InvalidInput),
        (wish(city, -1), InvalidInput),
        (wish(city, 0), InvalidInput),
        (wish(city, 100), InvalidInput),
        (wish(city, tip_minor=-1), InvalidInput),
        (wish(city, tip_minor=10**12), InvalidInput),
        (wish(city, drop_note="a\x00b"), InvalidInput),
        (wish(city, 1, (0,)), BelowMinimum),
        (wish(city, expected_total_minor=1), PriceChanged),
        (ocean, NotServiceable),
        (unknown, ProductUnavailable),
        (baskets.Wish(address_id=uuid7(), lines=wish(city).lines), NotFound),
        (baskets.Wish(lines=wish(city).lines), InvalidInput),
    ]
    for wanted, kind in cases:
        reasons = await refused(shop, buyer, wanted)
        assert [type(one) for one in reasons] == [kind], wanted
    assert await count(shop, Order, buyer) == 0
    assert await stock(shop, city) == (50, 0)


async def test_customers_cancel_their_own_orders_only(shop: Shop, city: City, buyer: Actor) -> None:
    order = await shop.buy(buyer, wish(city))
    await shop.pay(order)
    (stranger,) = await people(shop.database)
    with pytest.raises(Refused) as caught:
        await cancel(shop, stranger, order.id)
    assert isinstance(caught.value.reasons[0], NotFound)
    await cancel(shop, buyer, order.id)
    assert await shop.settle(order) is PaymentStatus.VOIDED
    after = await shop.order(order)
    assert after.status is OrderStatus.CANCELED
    assert await stock(shop, city) == (50, 0)
    assert stages.replay(await shop.events(order)) is after.status
    with pytest.raises(Refused) as caught:
        await cancel(shop, buyer, order.id)
    reason = caught.value.reasons[0]
    assert isinstance(reason, IllegalStep)
    assert reason.legal == ["OPEN_TICKET"]
