"""How much of a shelf one customer, device or network can keep from others without paying."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from models.identity import Actor
from models.orders import Order
from services.carts.baskets import OrderRequest
from services.checkout.unpaid_limits import (
    DEFAULT_LIMITS,
    OrderSource,
    UnpaidLimits,
    UnpaidOrderLimit,
    UnpaidUnitLimit,
)
from services.core.problems import DomainError
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.payments import Shop, cancel, stock_counts
from workflows.checkout import place_order


def home() -> OrderSource:
    """A client network of this test alone."""
    return OrderSource(network=secrets.token_bytes(16))


def phone() -> OrderSource:
    """A device of this test alone."""
    return OrderSource(device=secrets.token_bytes(16))


async def place(shop: Shop, actor: Actor, request: OrderRequest, **more: Any) -> Order:
    result = await place_order.place(
        shop, actor=actor, origin=ORIGIN, order_request=request, **more
    )
    return result.order


@pytest.fixture
async def one_store(shop: Shop, city: City) -> None:
    """The next store has none of the product, so that no order moves there."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text("update stock set on_hand = 0 where store_id = :s and product_id = :p")
        await session.execute(statement, {"s": city.next.id, "p": product_id(city)})


async def refusal(shop: Shop, actor: Actor, request: OrderRequest, **more: Any) -> object:
    with pytest.raises(DomainError) as caught:
        await place(shop, actor, request, **more)
    (problem,) = caught.value.problems
    return problem


async def test_a_customer_has_two_unpaid_orders_at_most(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A guest had thirteen unpaid orders at once."""
    first, _ = [await place(shop, buyer, order_request(city)) for _ in range(2)]
    problem = await refusal(shop, buyer, order_request(city))
    assert isinstance(problem, UnpaidOrderLimit)
    assert problem.limit == 2
    assert await stock_counts(shop, city) == (50, 2)
    await cancel(shop, buyer, first.id)
    await place(shop, buyer, order_request(city))


async def test_parallel_orders_do_not_pass_the_limit_together(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Each of them counts before any other is written; units of refused orders are free again."""
    results = await asyncio.gather(
        *(place(shop, buyer, order_request(city)) for _ in range(12)), return_exceptions=True
    )
    placed = [result for result in results if isinstance(result, Order)]
    refused = [result for result in results if isinstance(result, DomainError)]
    assert (len(placed), len(refused)) == (2, 10), results
    assert all(isinstance(error.problems[0], UnpaidOrderLimit) for error in refused)
    assert await stock_counts(shop, city) == (50, 2)


@pytest.mark.usefixtures("one_store")
@pytest.mark.parametrize("new_source", [home, phone])
async def test_half_of_a_shelf_waits_for_one_source_at_most(
    shop: Shop, city: City, new_source: Callable[[], OrderSource]
) -> None:
    """A guest without a card held 1,149 units by unpaid orders; sixty guests an hour could come."""
    guests, source = await create_people(shop.database, 12), new_source()
    limits = replace(DEFAULT_LIMITS, orders_per_customer=100)
    held = 0
    for guest in guests:
        try:
            await place(shop, guest, order_request(city, 5), source=source, limits=limits)
        except DomainError as error:
            problem = error.problems[0]
            assert isinstance(problem, UnpaidUnitLimit), problem
            assert problem.product_id == product_id(city)
        else:
            held += 5
    assert held == 25
    await place(shop, guests[0], order_request(city, 5), source=new_source(), limits=limits)


@pytest.mark.usefixtures("one_store")
async def test_parallel_orders_of_one_network_share_its_part_of_the_shelf(
    shop: Shop, city: City
) -> None:
    """Ten orders at once were each compared with a shelf on which the others were not counted."""
    guests, source = await create_people(shop.database, 15), home()
    results = await asyncio.gather(
        *(place(shop, guest, order_request(city, 5), source=source) for guest in guests),
        return_exceptions=True,
    )
    placed = [result for result in results if isinstance(result, Order)]
    assert len(placed) <= 5
    assert await stock_counts(shop, city) == (50, 5 * len(placed))


async def test_the_last_units_are_sold_to_whoever_comes(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A share of a nearly empty shelf would be nothing: ten units are free for everybody."""
    (other,) = await create_people(shop.database)
    await place(shop, other, order_request(city, 25))
    await place(shop, other, order_request(city, 13), limits=UnpaidLimits(share_percent=80))
    order = await place(shop, buyer, order_request(city, 10))
    assert order.store_id == city.near.id
    assert await stock_counts(shop, city) == (50, 48)


async def test_a_network_has_a_number_of_unpaid_orders(shop: Shop, city: City) -> None:
    """One network opens guests without an end: 1,149 units were held unpaid."""
    guests, source = await create_people(shop.database, 4), home()
    limits = replace(DEFAULT_LIMITS, orders_per_network=3)
    for guest in guests[:3]:
        await place(shop, guest, order_request(city), source=source, limits=limits)
    problem = await refusal(shop, guests[3], order_request(city), source=source, limits=limits)
    assert isinstance(problem, UnpaidOrderLimit)
    await place(shop, guests[3], order_request(city), source=home(), limits=limits)


async def test_what_is_paid_does_not_count(shop: Shop, city: City, buyer: Actor) -> None:
    """An office that buys and pays a lot would be shut out like a hoarder."""
    for _ in range(3):
        order = await shop.buy(buyer, order_request(city))
        await shop.pay(order)


async def test_guests_have_less_time_to_pay(shop: Shop, city: City, buyer: Actor) -> None:
    """Whoever can be reached by phone or e-mail has eight minutes, a guest four."""
    order = await place(shop, buyer, order_request(city))
    assert order.payment_due_at is not None
    assert 200 < (order.payment_due_at - order.placed_at).total_seconds() <= 241
