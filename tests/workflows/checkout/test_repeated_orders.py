"""An order that is repeated after a failed write has the units of its own lines, exactly."""

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from models.accounts import User
from models.identity import Actor
from models.orders import Order
from models.stock import StockMovementReason
from services.accounts import guest_merge
from services.carts.baskets import OrderRequest
from services.core.problems import DomainError, NotFound, VersionConflict
from services.core.request_batcher import ServiceOverloaded
from services.stock import reservations
from services.stock.audit import stock_audit
from tests.support.checkout.cart_orders import (
    all_counters,
    cart_request,
    failing_writes,
    held_units,
    keyed,
    ledger_units,
    orders_of,
    set_cart,
)
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.payments import Shop, cancel, stock_counts


async def buy_after_a_failed_write(
    shop: Shop,
    actor: Actor,
    request: OrderRequest,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    with failing_writes(monkeypatch), pytest.raises(ConnectionError):
        await shop.buy(actor, request, keyed(actor, key, request))


def units(city: City, lines: Mapping[int, int]) -> dict[UUID, int]:
    return {product_id(city, index): count for index, count in lines.items() if count}


async def differences(shop: Shop, city: City) -> list[stock_audit.StockDifference]:
    async with shop.database.read(PLATFORM) as session:
        return await stock_audit.find_differences(session, city.near.id)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param({11: 1}, {10: 5, 11: 3}, id="cart-made-larger"),
        pytest.param({10: 4, 11: 3}, {10: 0, 11: 1}, id="cart-made-smaller"),
        pytest.param({10: 2}, {10: 0, 11: 2}, id="another-product"),
        pytest.param({10: 2}, {10: 2}, id="cart-left-as-it-was"),
    ],
)
async def test_a_repeated_order_of_a_changed_cart_holds_sells_and_restocks_its_lines(
    shop: Shop,
    city: City,
    buyer: Actor,
    monkeypatch: pytest.MonkeyPatch,
    first: dict[int, int],
    then: dict[int, int],
) -> None:
    """A write fails after the units were held; the customer changes the cart and tries again.

    The order was written with the lines of the new cart and the units of the old one: goods were
    sold that never left the shelf, and a cancellation put more back than had been sold.
    """
    before, key, request = await all_counters(shop.database, city), uuid4().hex, cart_request(city)
    await set_cart(shop.database, city, buyer, first)
    await buy_after_a_failed_write(shop, buyer, request, monkeypatch, key)
    await set_cart(shop.database, city, buyer, then)
    order = await shop.buy(buyer, request, keyed(buyer, key, request))
    wanted = units(city, {**first, **then})
    assert await held_units(shop.database, order.id) == wanted
    await shop.pay(order)
    assert await ledger_units(shop.database, order.id) == {
        product: -count for product, count in wanted.items()
    }
    assert await differences(shop, city) == []
    await cancel(shop, buyer, order.id)
    assert await ledger_units(shop.database, order.id, StockMovementReason.RESTOCK) == wanted
    assert await all_counters(shop.database, city) == before
    assert len(await orders_of(shop.database, buyer)) == 1


async def test_an_order_of_lines_may_be_corrected_after_a_failed_write(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same key with other lines while nothing is ordered yet frees the first units."""
    key, first, then = uuid4().hex, order_request(city, 8, (1,)), order_request(city, 3, (2,))
    await buy_after_a_failed_write(shop, buyer, first, monkeypatch, key)
    order = await shop.buy(buyer, then, keyed(buyer, key, then))
    assert await held_units(shop.database, order.id) == units(city, {2: 3})
    assert await stock_counts(shop, city, 1) == (50, 0)


async def test_a_repeated_order_of_the_last_units_finds_its_own(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two units are held by the first try, which must not be refused to the second."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text("update stock set on_hand = 2 where product_id = :p")
        await session.execute(statement, {"p": product_id(city)})
    key, request = uuid4().hex, order_request(city, 2)
    await buy_after_a_failed_write(shop, buyer, request, monkeypatch, key)
    assert await stock_counts(shop, city) == (2, 2)
    order = await shop.buy(buyer, request, keyed(buyer, key, request))
    assert (order.store_id, await stock_counts(shop, city)) == (city.near.id, (2, 2))


async def test_a_repeated_order_moves_its_units_to_the_store_that_can_deliver_now(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store that held the units stops selling the product between the two tries."""
    key, request = uuid4().hex, order_request(city, 2)
    await buy_after_a_failed_write(shop, buyer, request, monkeypatch, key)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = "update listing set available = false where store_id = :s and product_id = :p"
        await session.execute(text(statement), {"s": city.near.id, "p": product_id(city)})
    order = await shop.buy(buyer, request, keyed(buyer, key, request))
    assert order.store_id == city.next.id
    assert await stock_counts(shop, city) == (50, 0)
    assert await held_units(shop.database, order.id) == units(city, {11: 2})


async def test_an_order_is_not_written_when_its_units_were_released_meanwhile(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper, or another try of the same request, takes the units just before the write."""
    real = shop.reservation_queue.reserve

    async def reserve_and_lose(*arguments: object) -> object:
        result = await real(*arguments)  # type: ignore[arg-type] # passed on
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            await reservations.release_unwritten(session, arguments[2])  # type: ignore[arg-type] # the order's id
        return result

    with monkeypatch.context() as patch:
        patch.setattr(shop.reservation_queue, "reserve", reserve_and_lose)
        with pytest.raises(DomainError) as caught:
            await shop.buy(buyer, order_request(city, 2))
    assert [type(problem) for problem in caught.value.problems] == [ServiceOverloaded]
    assert await orders_of(shop.database, buyer) == []
    assert await stock_counts(shop, city) == (50, 0)


async def test_a_sweep_that_began_before_the_order_was_written_leaves_its_units(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city, 2))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        assert not await reservations.release_unwritten(session, order.id)
        await session.execute(
            text("update hold set created_at = now() - interval '2 min' where order_id = :o"),
            {"o": order.id},
        )
        await reservations.expire(session, [order.id])
    assert await held_units(shop.database, order.id) == units(city, {11: 2})


async def test_a_claim_sells_the_lines_when_other_units_are_held(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Should an order ever hold other units than its lines, the payment still sells the lines."""
    order = await shop.buy(buyer, order_request(city, 5, (1, 2)))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        for change in (
            "update hold set quantity = 2 where order_id = :o and product_id = :p",
            "update stock set reserved = 2 where store_id = :s and product_id = :p",
        ):
            parameters = {"o": order.id, "p": product_id(city, 1), "s": city.near.id}
            await session.execute(text(change), parameters)
    await shop.pay(order)
    sold = {product: -count for product, count in units(city, {1: 5, 2: 5}).items()}
    assert await ledger_units(shop.database, order.id) == sold
    assert await differences(shop, city) == []
    await cancel(shop, buyer, order.id)
    assert (await stock_counts(shop, city, 1), await stock_counts(shop, city, 2)) == (
        (50, 0),
        (50, 0),
    )


async def test_a_refused_write_gives_the_units_back_at_once(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cart changes between reading and writing: no units stay reserved for the minute after."""
    await set_cart(shop.database, city, buyer, {1: 2})
    real = shop.reservation_queue.reserve

    async def reserve_and_change(*arguments: object) -> object:
        result = await real(*arguments)  # type: ignore[arg-type] # passed on
        await set_cart(shop.database, city, buyer, {2: 1})
        return result

    with monkeypatch.context() as patch:
        patch.setattr(shop.reservation_queue, "reserve", reserve_and_change)
        with pytest.raises(DomainError) as caught:
            await shop.buy(buyer, cart_request(city))
    (conflict,) = caught.value.problems
    assert isinstance(conflict, VersionConflict)
    assert await stock_counts(shop, city, 1) == (50, 0)
    order = await shop.buy(buyer, cart_request(city))
    assert await held_units(shop.database, order.id) == units(city, {1: 2, 2: 1})


async def merge(shop: Shop, guest: Actor, account: Actor) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        rows = [await session.get_one(User, actor.person_id) for actor in (guest, account)]
        await guest_merge.merge_guest(session, *rows)


async def test_the_same_key_after_a_guest_signs_in_places_no_second_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A guest's answer is lost; the guest signs in to an account and the app repeats the order."""
    (account,) = await create_people(shop.database)
    key, request = uuid4().hex, order_request(city, 2)
    order = await shop.buy(buyer, request, keyed(buyer, key, request))
    await merge(shop, buyer, account)
    again = await shop.buy(account, request, keyed(account, key, request))
    assert again.id == order.id
    assert len(await orders_of(shop.database, account)) == 1
    assert await stock_counts(shop, city) == (50, 2)


async def test_the_units_of_a_failed_write_follow_the_guest_to_the_account(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (account,) = await create_people(shop.database)
    key, request = uuid4().hex, order_request(city, 2)
    await buy_after_a_failed_write(shop, buyer, request, monkeypatch, key)
    await merge(shop, buyer, account)
    with pytest.raises(DomainError) as caught:
        await shop.buy(buyer, request, keyed(buyer, key, request))
    assert isinstance(caught.value.problems[0], NotFound)
    order = await shop.buy(account, request, keyed(account, key, request))
    assert order.customer_id == account.person_id
    assert await stock_counts(shop, city) == (50, 2)


async def test_tries_of_one_key_with_a_changing_cart_end_in_one_exact_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Many repetitions at the same time, while the cart goes on changing."""
    key, request = uuid4().hex, cart_request(city)
    await set_cart(shop.database, city, buyer, {1: 1})

    async def repeat() -> Order | None:
        try:
            return await shop.buy(buyer, request, keyed(buyer, key, request))
        except DomainError:
            return None

    async def change(count: int) -> None:
        await set_cart(shop.database, city, buyer, {1: count, 2: count})

    jobs = [job for count in range(1, 9) for job in (repeat(), change(count), repeat())]
    await asyncio.gather(*jobs)
    order = await repeat()
    assert order is not None
    assert [each.id for each in await orders_of(shop.database, buyer)] == [order.id]
    await shop.pay(order)
    sold = await ledger_units(shop.database, order.id)
    counters = [await stock_counts(shop, city, index) for index in (1, 2)]
    assert counters == [(50 + sold.get(product_id(city, index), 0), 0) for index in (1, 2)]
    await cancel(shop, buyer, order.id)
    assert [await stock_counts(shop, city, index) for index in (1, 2)] == [(50, 0), (50, 0)]
