"""The audit compares each order: what is reserved, sold, packed and charged."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from models.fulfillment import FulfillmentLineStatus
from models.identity import Actor
from models.orders import Order
from services.checkout import order_guards
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal
from services.stock import reservation_decisions, reservation_store
from services.stock.audit.stock_audit import StockDifference
from services.stock.reservation_decisions import ReservationSuccess
from tests.support.checkout.cart_orders import cart_request, failing_writes, keyed, set_cart
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request, product_id
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    lines_of,
    unexplained_stock,
)
from tests.support.payments import Shop, cancel
from tests.support.store_staff import accept_task, put_back_everything, run_step


async def execute(shop: Shop, city: City, *statements: str, **values: Any) -> None:
    """Change rows as only a fault or a person at the database could."""
    parameters = {"p": product_id(city, 1), "s": city.near.id, **values}
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        for statement in statements:
            used = {name: value for name, value in parameters.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


async def found(shop: Shop, city: City) -> list[tuple[str, UUID | None, int, int]]:
    """The counters that differ, with their product, what they say and what is expected."""
    differences: list[StockDifference] = await unexplained_stock(shop.database, city)
    return [(each.counter, each.product_id, each.actual, each.expected) for each in differences]


def accept_old_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the old fault: a repeated order takes the units of its first try as its own."""

    def compare(_request: Any, reserved: Mapping[UUID, Any]) -> ReservationSuccess:
        return ReservationSuccess(next(iter(reserved)))

    monkeypatch.setattr(reservation_decisions, "_compare", compare)
    monkeypatch.setattr(order_guards, "_check_units", lambda *_units: None)
    real = reservation_store.lock_for_sale

    async def sell_what_is_reserved(session: Any, order_ids: Any) -> Any:
        reservations, counters, _ = await real(session, order_ids)
        return reservations, counters, {each.order_id for each in reservations}

    monkeypatch.setattr(reservation_store, "lock_for_sale", sell_what_is_reserved)


async def test_the_audit_sees_an_order_with_the_units_of_an_older_cart(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five units are ordered and charged, two are reserved and sold: every counter agreed."""
    accept_old_units(monkeypatch)
    key, request, product = uuid4().hex, cart_request(city), product_id(city, 1)
    await set_cart(shop.database, city, buyer, {1: 2})
    with failing_writes(monkeypatch), pytest.raises(ConnectionError):
        await shop.buy(buyer, request, keyed(buyer, key, request))
    assert await found(shop, city) == []
    await set_cart(shop.database, city, buyer, {1: 5})
    order = await shop.buy(buyer, request, keyed(buyer, key, request))
    assert await found(shop, city) == [("reserved", product, 2, 5)]
    await shop.pay(order)
    assert await found(shop, city) == [("sold", product, 2, 5)]
    await cancel(shop, buyer, order.id)
    assert await found(shop, city) == [("sold", product, -3, 0)]


async def pack(shop: Shop, city: City, order: Order) -> Actor:
    """Pick with a missing unit, a damaged one and a substitute, pack and capture."""
    dependencies = OrderDependencies(shop.database, shop.reservation_queue)
    task, staff = await accept_task(dependencies, city, order)
    first, second, third = await lines_of(shop.database, task)
    for pick in (LinePick(2, first.id), LinePick(1, second.id, damaged=1), LinePick(3, third.id)):
        await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
        assert await found(shop, city) == []
    proposal = SubstituteProposal(first.id, "P006", 1)
    await run_step(shop.database, staff, task, substitutions.propose, proposal=proposal)
    assert await found(shop, city) == []
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        (substitute_id,) = await session.scalars(
            text("select id from substitute where order_id = :o"), {"o": order.id}
        )
        await substitutions.answer(
            session, actor=Actor(order.customer_id), substitute_id=substitute_id, accept=True
        )
    await run_step(shop.database, staff, task, picking.pack, bags=1)
    assert await found(shop, city) == []
    await shop.settle(order)
    return staff


async def packed_order(shop: Shop, city: City, buyer: Actor) -> tuple[Order, Actor]:
    order = await shop.buy(buyer, order_request(city, 3, (0, 1, 2)))
    await execute(shop, city, "update order_line set substitution_preference = 'ASK_ME' where"
    " order_id = :o",
                  o=order.id)  # fmt: skip
    await shop.pay(order)
    staff = await pack(shop, city, order)
    return await shop.order(order), staff


async def test_an_order_agrees_with_the_ledger_at_every_stage(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Short and damaged units, a substitute, packing, cancellation, and units put back."""
    order, staff = await packed_order(shop, city, buyer)
    assert await found(shop, city) == []
    (task,) = await fulfillments_of(shop.database, order)
    lines = await lines_of(shop.database, task)
    assert lines[0].status is FulfillmentLineStatus.SUBSTITUTED
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        from models.orders import OrderCancelReason
        from services.checkout import cancellation
        from services.orders import order_locks

        locked = await order_locks.lock(session, order.id)
        await cancellation.cancel_for_cause(session, locked, OrderCancelReason.NO_RIDER_AVAILABLE)
    assert await found(shop, city) == []
    await put_back_everything(shop.database, staff, task)
    assert await found(shop, city) == []


FAULTS = {
    "sold": "insert into stock_entry (id, company_id, store_id, product_id, on_hand_delta,"
    " unsellable_delta,"
    " incoming_delta, batch_delta, reason, reference) select gen_random_uuid(), company_id,"
    " store_id, product_id, -1, 0, 0, 0, 'SALE', :r from stock"
    " where store_id = :s and product_id = :p",
    "packed": "update order_line set packed_quantity = 2 where order_id = :o and product_id = :p",
    "charged": 'update "order" set final_total_minor = final_total_minor - 1 where id = :o',
    "captured": "update payment set captured_amount_minor = captured_amount_minor - 1 where"
    " order_id = :o",
}


@pytest.mark.parametrize("counter", FAULTS)
async def test_the_audit_names_what_of_a_packed_order_differs(
    shop: Shop, city: City, buyer: Actor, counter: str
) -> None:
    """One unit or one cent that the ledger, the bags, the receipt and the card disagree about."""
    order, _ = await packed_order(shop, city, buyer)
    await execute(shop, city, FAULTS[counter], o=order.id, r=str(order.id))
    differences = await unexplained_stock(shop.database, city)
    of_order = {each.counter for each in differences if each.order_id == str(order.id)}
    # The captured amount is compared with the total, which is wrong itself then.
    assert of_order == ({"charged", "captured"} if counter == "charged" else {counter})
    line = str(next(each for each in differences if each.counter == counter))
    assert f": {counter} of order {order.id} is " in line


async def test_reservations_of_ended_orders_and_changes_are_named(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Units that stay reserved for an order that nobody will pay any more."""
    order = await shop.buy(buyer, order_request(city, 2, (1,)))
    assert await found(shop, city) == []
    await execute(
        shop, city, "update \"order\" set status = 'EXPIRED', payment_due_at = null where id = :o",
        o=order.id,
    )  # fmt: skip
    assert await found(shop, city) == [("reserved", product_id(city, 1), 2, 0)]
