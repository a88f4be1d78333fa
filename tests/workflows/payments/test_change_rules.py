"""What a change of a paid order may not do: cost more, hold the shelf, undo other stores' work."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from models.companies import Company
from models.fulfillment import FulfillmentRejectReason, FulfillmentStatus
from models.identity import Actor
from models.orders import FulfillmentMethod, Order, OrderChangeStatus
from models.payments import PaymentStatus
from models.stores import Store
from services.carts.baskets import OrderRequest, RequestedLine
from services.checkout.unpaid_limits import UnpaidUnitLimit
from services.core.problems import DomainError, InvalidInput, InvalidTransition
from services.fulfillment import give_back, picking, rerouting
from services.fulfillment.picking import LinePick
from tests.support.checkout.change_steps import (
    change,
    change_row,
    confirm_change,
    dependencies,
    lines,
    paid_order,
    pick_list,
    refusal,
    units,
)
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request, product_id
from tests.support.paid_orders import (
    create_picker,
    fulfillments_of,
    lines_of,
    unexplained_stock,
)
from tests.support.payments import Shop, stock_counts
from tests.support.store_staff import (
    accept_task,
    put_back_everything,
    put_back_lines_of,
    run_step,
)


async def pickup_order(shop: Shop, city: City, buyer: Actor) -> Order:
    """A paid order of four and two units that the customer collects."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        near = update(Store).where(Store.id == city.near.id)
        await session.execute(near.values(pickup_enabled=True))
    wanted = (RequestedLine(product_id(city, 0), 4), RequestedLine(product_id(city, 1), 2))
    method, store_id = FulfillmentMethod.PICKUP, city.near.id
    order = await shop.buy(buyer, OrderRequest(method=method, store_id=store_id, lines=wanted))
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    return await shop.order(order)


async def moved_order(shop: Shop, city: City, buyer: Actor) -> Order:
    """An order whose first store has picked everything, gave it back and rejected it then."""
    order = await paid_order(shop, city, buyer, 4)
    task, staff = await accept_task(dependencies(shop), city, order)
    for line in await pick_list(shop, order):
        pick = LinePick(line.quantity, line.id)
        await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
    await run_step(shop.database, staff, task, give_back.give_back)
    await run_step(
        shop.database, staff, task, rerouting.reject, reason=FulfillmentRejectReason.TOO_BUSY
    )
    return await shop.order(order)


async def test_fewer_items_of_a_pickup_cost_no_delivery(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer takes one of four out: the fees of a delivery made the rest cost more."""
    order = await pickup_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    assert requested.status is OrderChangeStatus.APPLIED
    changed = await shop.order(order)
    assert (changed.delivery_fee_minor, changed.small_order_fee_minor) == (0, 0)
    assert order.total_minor - changed.total_minor == city.first.prices[0]


@pytest.mark.parametrize("paid", [False, True])
async def test_a_product_is_removed_that_the_first_store_has_to_put_back(
    shop: Shop, city: City, buyer: Actor, paid: bool
) -> None:
    """The first store still has the units in its bags: its put-back stays as it is.

    The change failed for ever, although its new total was authorized.
    """
    order = await moved_order(shop, city, buyer)
    first, second = await fulfillments_of(shop.database, order)
    before = [line.id for line in await put_back_lines_of(shop.database, first)]
    assert len(before) == 2
    more = {"p2": 9} if paid else {}
    requested = await change(shop, buyer, order, lines=lines(city, p0=4, **more))
    if paid:
        await confirm_change(shop, requested)
        await shop.settle(order)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.APPLIED
    assert await units(shop, order) == ({0: 4, 1: 9} if paid else {0: 4})
    assert [line.id for line in await put_back_lines_of(shop.database, first)] == before
    assert len(await lines_of(shop.database, first)) == 2
    assert len(await lines_of(shop.database, second)) == (2 if paid else 1)
    staff = await create_picker(shop.database, city.near)
    done = await put_back_everything(shop.database, staff, first)
    assert done.status is FulfillmentStatus.PUT_BACK
    assert await unexplained_stock(shop.database, city) == []


async def test_a_change_cannot_hold_the_shelf_unpaid(shop: Shop, city: City, buyer: Actor) -> None:
    """A paid order of a few units reserved all of a store's shelf, and again after five minutes."""
    order = await paid_order(shop, city, buyer)
    problem = await refusal(shop, buyer, order, lines=lines(city, p0=2, p1=2, p2=1, p3=26))
    assert isinstance(problem, UnpaidUnitLimit)
    assert (problem.product_id, problem.path) == (product_id(city, 3), ["input", "lines", "3"])
    assert await stock_counts(shop, city, 3) == (50, 0)
    requested = await change(shop, buyer, order, lines=lines(city, p0=2, p1=2, p3=25))
    assert requested.status is OrderChangeStatus.AWAITING_PAYMENT


async def test_changes_and_orders_that_wait_for_payment_share_one_bound(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Neither a second change, at the same time, nor an order gets past it."""
    orders = [await paid_order(shop, city, buyer) for _ in range(2)]
    wanted = lines(city, p0=2, p1=2, p3=20)
    results = await asyncio.gather(
        *(change(shop, buyer, order, lines=wanted) for order in orders), return_exceptions=True
    )
    (refused,) = [one for one in results if isinstance(one, DomainError)]
    assert isinstance(refused.problems[0], UnpaidUnitLimit)
    other = await shop.buy(buyer, order_request(city, 6, (3,)))
    assert other.store_id == city.next.id, "the nearest store would hold 26 of 50"
    assert (await shop.buy(buyer, order_request(city, 5, (3,)))).store_id == city.near.id


async def test_what_is_authorized_already_holds_nothing(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """An exchange of products at the same total is paid: no bound applies."""
    order = await paid_order(shop, city, buyer, 20)
    requested = await change(shop, buyer, order, lines=lines(city, p0=46))
    assert requested.status is OrderChangeStatus.APPLIED


@pytest.mark.parametrize("line", ["", "   ", "\u200b", "\u2800"])
async def test_a_change_cannot_empty_the_address_line(
    shop: Shop, city: City, buyer: Actor, line: str
) -> None:
    """At the same place, or at another one without a line: the rider had a point alone."""
    order = await paid_order(shop, city, buyer)
    point = order_request(city).point
    for wanted in ({"point": point, "address_line": line}, {"address_line": line}):
        problem = await refusal(shop, buyer, order, **wanted)
        assert isinstance(problem, InvalidInput)
        assert problem.path == ["input", "addressLine"]
    await change(shop, buyer, order, point=point, address_line="Rua Nova 7")
    assert (await shop.order(order)).address_line == "Rua Nova 7"


async def test_another_place_needs_a_line_of_its_own(shop: Shop, city: City, buyer: Actor) -> None:
    """A change of the place alone left the order at the new place without an address."""
    order = await paid_order(shop, city, buyer)
    problem = await refusal(shop, buyer, order, point=order_request(city).point)
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "addressLine"]


RAISED_FEES = {
    "delivery_fee_minor": 5_000,
    "small_order_threshold_minor": 1_000_000,
    "small_order_fee_minor": 700,
    "minimum_order_minor": 1_000_000,
    "free_delivery_threshold_minor": None,
}


@pytest.mark.parametrize("what", ["note", "tip", "order of lines"])
async def test_a_change_that_leaves_the_goods_prices_nothing_anew(
    shop: Shop, city: City, buyer: Actor, what: str
) -> None:
    """The company raised its fees and its minimum since the order was placed.

    "Ring twice" cost five euros more and waited for a payment, or was refused for the minimum.
    """
    order = await paid_order(shop, city, buyer)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        company = update(Company).where(Company.id == city.company.id)
        await session.execute(company.values(RAISED_FEES))
    wanted: dict[str, Any] = {
        "note": {},
        "tip": {"tip_minor": 0, "expected_total_minor": order.total_minor - order.tip_minor},
        "order of lines": {"lines": lines(city, p1=2, p0=2)},
    }
    note = {"delivery_instructions": "Ring twice"}  # a change, whatever else stays the same
    requested = await change(shop, buyer, order, **{**note, **wanted[what]})
    assert requested.status is OrderChangeStatus.APPLIED
    changed = await shop.order(order)
    tip_minor = 0 if what == "tip" else order.tip_minor
    assert changed.total_minor == order.total_minor - order.tip_minor + tip_minor
    assert changed.delivery_fee_minor == order.delivery_fee_minor
    assert changed.authorization_buffer_minor == order.authorization_buffer_minor
    assert changed.delivery_instructions == "Ring twice"


async def test_a_change_that_waits_is_named_where_another_one_is_refused(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """ "CHANGE is not possible while the order is CONFIRMED": the state in which it is possible."""
    order = await paid_order(shop, city, buyer)
    await change(shop, buyer, order, lines=lines(city, p0=3, p1=2, p2=1))
    problem = await refusal(shop, buyer, order, lines=lines(city, p0=1))
    assert isinstance(problem, InvalidTransition)
    expected = "Another change waits for its payment: confirm it or withdraw it first."
    assert problem.message == expected
