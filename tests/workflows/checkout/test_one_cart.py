"""One cart makes one order, however often it is ordered at the same time."""

import asyncio

from models.identity import Actor
from models.orders import Order
from services.carts.basket_problems import EmptyCart
from services.core.problems import DomainError, VersionConflict
from tests.support.checkout.cart_orders import cart_request, orders_of, set_cart
from tests.support.city import City
from tests.support.payments import Shop, stock_counts


async def test_five_parallel_orders_of_one_cart_make_one_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A double tap without an idempotency key: each of five orders had the whole cart."""
    await set_cart(shop.database, city, buyer, {1: 2, 2: 1})
    results = await asyncio.gather(
        *(shop.buy(buyer, cart_request(city)) for _ in range(5)), return_exceptions=True
    )
    placed = [result for result in results if isinstance(result, Order)]
    refused = [result for result in results if isinstance(result, DomainError)]
    assert (len(placed), len(refused)) == (1, 4), results
    for error in refused:
        (problem,) = error.problems
        assert isinstance(problem, EmptyCart | VersionConflict), problem
    assert [order.id for order in await orders_of(shop.database, buyer)] == [placed[0].id]
    assert [await stock_counts(shop, city, index) for index in (1, 2)] == [(50, 2), (50, 1)]


async def test_the_slower_of_an_order_and_a_change_of_the_cart_sees_the_faster(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """What is put into the cart during the order stays there, or is ordered, but not both."""
    await set_cart(shop.database, city, buyer, {1: 1})
    results = await asyncio.gather(
        *(shop.buy(buyer, cart_request(city)) for _ in range(3)),
        *(set_cart(shop.database, city, buyer, {2: count}) for count in (1, 2, 3)),
        return_exceptions=True,
    )
    assert all(isinstance(each, DomainError | Order | None) for each in results), results
    ordered = [order for order in results if isinstance(order, Order)]
    held = [(await stock_counts(shop, city, index))[1] for index in (1, 2)]
    assert len(ordered) <= 2
    assert held[0] <= 1
