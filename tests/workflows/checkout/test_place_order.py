"""Placing and canceling an order: one order for equal requests, all problems in one response."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from database.base import uuid7
from database.scope import PLATFORM
from jobs import payments
from models.carts import Cart, CartLine
from models.geo_point import Point
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus
from services.carts import baskets
from services.carts.basket_problems import (
    BelowMinimumOrder,
    DeliveryEstimateChanged,
    EmptyCart,
    InsufficientStock,
    ProductUnavailable,
    TotalChanged,
)
from services.core import idempotency
from services.core.problems import DomainError, InvalidInput, InvalidTransition, NotFound
from services.orders import stages
from services.stores.coverage import NotServiceable
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.payments import Shop, cancel, stock_counts
from workflows.checkout import place_order


async def problems_of(shop: Shop, actor: Actor, request: baskets.OrderRequest) -> list[object]:
    with pytest.raises(DomainError) as caught:
        await shop.buy(actor, request)
    return list(caught.value.problems)


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
        session.add(CartLine(product_id=product_id(city), **line))
    request = replace(order_request(city), lines=None)
    idempotent_request = idempotency.build_request(
        str(buyer.person_id), uuid7().hex, "orderPlace", request
    )
    orders = await asyncio.gather(
        *(shop.buy(buyer, request, idempotent_request) for _ in range(50))
    )
    assert len({order.id for order in orders}) == 1
    assert await count(shop, Order, buyer) == 1
    assert await count(shop, Payment, buyer) == 1
    assert await stock_counts(shop, city) == (50, 2)
    other_request = idempotency.build_request(
        idempotent_request.owner, idempotent_request.key, "orderPlace", "other arguments"
    )
    with pytest.raises(idempotency.KeyReused):
        await shop.buy(buyer, order_request(city), other_request)
    (empty_cart,) = await problems_of(shop, buyer, request)
    assert isinstance(empty_cart, EmptyCart)


async def test_the_job_opens_the_payment_of_an_order_whose_process_died(
    shop: Shop, city: City, buyer: Actor
) -> None:
    result = await place_order.place(
        shop, actor=buyer, origin=ORIGIN, order_request=order_request(city)
    )
    assert (await shop.payment(result.order)).intent_id is None
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        # Before all that other tests left to be settled: a run takes the longest due.
        statement = "update payment set due_at = now() - interval '1 day' where order_id = :order"
        await session.execute(text(statement), {"order": result.order.id})
    await payments.settle_due_payments(shop.database, shop.payments)
    assert (await shop.payment(result.order)).client_secret


async def test_all_problems_are_returned_together(shop: Shop, city: City, buyer: Actor) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text("update listing set available = false where product_id = :p")
        await session.execute(statement, {"p": product_id(city, 3)})
        await session.execute(
            text("update stock set on_hand = 27 where product_id = any(:p)"),
            {"p": [product_id(city, 1), product_id(city, 2)]},
        )
    request = order_request(city, 51, (1, 2, 3))
    problems = await problems_of(shop, buyer, request)
    types = sorted(type(problem).__name__ for problem in problems)
    assert types == ["InsufficientStock", "InsufficientStock", "ProductUnavailable"]
    assert {
        problem.available for problem in problems if isinstance(problem, InsufficientStock)
    } == {20}  # of 27: strangers are told no more
    assert await count(shop, Order, buyer) == 0


async def test_the_next_store_delivers_what_the_nearest_lacks(
    shop: Shop, city: City, buyer: Actor
) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text("update stock set on_hand = 0 where store_id = :s and product_id = :p")
        await session.execute(statement, {"s": city.near.id, "p": product_id(city)})
    order = await shop.buy(buyer, order_request(city))
    assert order.store_id == city.next.id


async def test_an_order_is_refused_that_would_come_later_than_shown(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer saw the nearest store's promise, and a farther one delivers: only the price
    could be guarded. Nothing stays reserved; the promise that is shown now is accepted."""
    shown = (await shop.buy(buyer, order_request(city))).promise_p90_seconds
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text(
            "update stock set on_hand = reserved where store_id = :s and product_id = :p"
        )
        await session.execute(statement, {"s": city.near.id, "p": product_id(city)})
    (problem,) = await problems_of(
        shop, buyer, replace(order_request(city), expected_p90_seconds=shown)
    )
    assert isinstance(problem, DeliveryEstimateChanged)
    assert problem.current_p90_seconds > shown
    async with shop.database.read(PLATFORM) as session:
        held = text("select reserved from stock where store_id = :s and product_id = :p")
        found = await session.scalar(held, {"s": city.next.id, "p": product_id(city)})
    assert found == 0
    request = replace(order_request(city), expected_p90_seconds=problem.current_p90_seconds)
    assert (await shop.buy(buyer, request)).store_id == city.next.id


async def test_an_invalid_request_is_refused_and_writes_nothing(
    shop: Shop, city: City, buyer: Actor
) -> None:
    valid = order_request(city)
    many = tuple(baskets.RequestedLine(uuid7(), 1) for _ in range(1000))
    too_many_lines = replace(valid, lines=many)
    ocean = replace(valid, point=Point(0.0, -30.0))
    unknown_product = replace(valid, lines=many[:1])
    cases: list[tuple[baskets.OrderRequest, type]] = [
        (too_many_lines, InvalidInput),
        (order_request(city, -1), InvalidInput),
        (order_request(city, 0), InvalidInput),
        (order_request(city, 100), InvalidInput),
        (order_request(city, tip_minor=-1), InvalidInput),
        (order_request(city, tip_minor=10**12), InvalidInput),
        (order_request(city, delivery_instructions="a\x00b"), InvalidInput),
        (order_request(city, 1, (0,)), BelowMinimumOrder),
        (order_request(city, expected_total_minor=1), TotalChanged),
        (ocean, NotServiceable),
        (unknown_product, ProductUnavailable),
        (baskets.OrderRequest(address_id=uuid7(), lines=order_request(city).lines), NotFound),
        (baskets.OrderRequest(lines=order_request(city).lines), InvalidInput),
    ]
    for request, type_ in cases:
        problems = await problems_of(shop, buyer, request)
        assert [type(problem) for problem in problems] == [type_], request
    assert await count(shop, Order, buyer) == 0
    assert await stock_counts(shop, city) == (50, 0)


async def test_customers_cancel_their_own_orders_only(shop: Shop, city: City, buyer: Actor) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.pay(order)
    (stranger,) = await create_people(shop.database)
    with pytest.raises(DomainError) as caught:
        await cancel(shop, stranger, order.id)
    assert isinstance(caught.value.problems[0], NotFound)
    await cancel(shop, buyer, order.id)
    assert await shop.settle(order) is PaymentStatus.VOIDED
    canceled = await shop.order(order)
    assert canceled.status is OrderStatus.CANCELED
    assert await stock_counts(shop, city) == (50, 0)
    assert stages.replay_status(await shop.events(order)) is canceled.status
    with pytest.raises(DomainError) as caught:
        await cancel(shop, buyer, order.id)
    problem = caught.value.problems[0]
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == ["OPEN_TICKET"]


async def test_a_read_beside_another_ends_with_the_error_of_the_other(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is killed while an order reads on two connections: nothing is left running."""
    ended: list[str] = []

    async def hang(*_: object) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("the other")
            raise ConnectionError("the connection is closed") from None

    async def lose_connection(*_: object) -> None:
        await asyncio.sleep(0)
        raise TimeoutError("the database does not answer")

    monkeypatch.setattr(place_order, "_reserve_key", hang)
    monkeypatch.setattr(place_order, "read_order_inputs", lose_connection)
    with pytest.raises(TimeoutError):
        await shop.buy(buyer, order_request(city))
    assert ended == ["the other"]
