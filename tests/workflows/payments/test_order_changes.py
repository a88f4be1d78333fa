"""Changes of a paid order before it is packed."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from jobs import orders as order_jobs
from models.companies import Company
from models.delivery import Delivery
from models.fulfillment import FulfillmentLineStatus
from models.geo_point import Point
from models.identity import Actor
from models.orders import Order, OrderChangeStatus, OrderStatus
from models.payments import PaymentStatus
from models.stock import HoldStatus
from services.carts.basket_problems import InsufficientStock, TotalChanged
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from services.checkout.line_guards import LineAlreadyPicked
from services.core.problems import DomainError, InvalidTransition, VersionConflict
from services.events.event_log import order_stream
from services.fulfillment import picking, rerouting
from services.fulfillment.picking import LinePick
from services.stock import reservations
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
from tests.support.customers import ORIGIN, product_id
from tests.support.paid_orders import (
    fulfillments_of,
    unexplained_stock,
    write_as,
)
from tests.support.payments import Shop, cancel, stock_counts
from tests.support.riders import delivery_of, pick_and_pack
from tests.support.store_staff import accept_task, event_types, run_step


async def test_fewer_items_need_no_new_authorization(shop: Shop, city: City, buyer: Actor) -> None:
    """The customer takes a product out: it takes effect at once, and less is captured."""
    order = await paid_order(shop, city, buyer, 4)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3))
    assert (await change_row(shop, requested)).status is OrderChangeStatus.APPLIED
    changed = await shop.order(order)
    assert changed.total_minor < order.total_minor
    assert changed.version > order.version
    assert await units(shop, order) == {0: 3}
    assert [line.quantity for line in await pick_list(shop, order)] == [3]
    assert await stock_counts(shop, city, 0) == (47, 0)
    assert await stock_counts(shop, city, 1) == (50, 0)
    assert await unexplained_stock(shop.database, city) == []
    fulfillment, staff = await accept_task(dependencies(shop), city, order)
    await pick_and_pack(dependencies(shop), fulfillment, staff)
    await shop.settle(order)
    assert (await shop.payment(order)).captured_amount_minor == changed.total_minor


async def test_a_change_that_asks_for_what_the_order_has_changes_nothing(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A customer saves an order as it is: without a field, with its lines, its address, its tip.

    Each was APPLIED as a change: the version of the order and of its task grew, and an event was
    recorded, so that the picker's next step was refused for an old version. The fees of the company
    have risen since the order was placed: those of the order stay.
    """
    order = await paid_order(shop, city, buyer)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        company = await session.get_one(Company, order.company_id)
        company.delivery_fee_minor += 100
    same: list[dict[str, Any]] = [
        {},
        {"lines": lines(city, p0=2, p1=2)},
        {"lines": lines(city, p1=2, p0=2)},
        {"tip_minor": order.tip_minor, "expected_total_minor": order.total_minor},
        {"address_line": order.address_line, "delivery_instructions": order.delivery_instructions},
        {"point": Point(order.latitude, order.longitude), "address_line": order.address_line},
    ]
    stream = order_stream(order.id)
    before = await event_types(shop.database, stream)
    (task,) = await fulfillments_of(shop.database, order)
    for values in same:
        async with write_as(shop.database, buyer, order.company_id) as session:
            result = await order_changes.request_change(
                session, actor=buyer, order_id=order.id, request=ChangeRequest(**values)
            )
        assert isinstance(result, Order), values
    assert (await shop.order(order)).version == order.version
    assert (await fulfillments_of(shop.database, order))[0].version == task.version
    assert await event_types(shop.database, stream) == before
    problem = await refusal(shop, buyer, order, expected_total_minor=order.total_minor + 1)
    assert isinstance(problem, TotalChanged)


async def test_more_items_take_effect_with_the_new_authorization(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Added units are reserved; with the new authorization they are sold, the old one is voided."""
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2, p2=1))
    assert requested.status is OrderChangeStatus.AWAITING_PAYMENT
    assert await units(shop, order) == {0: 2, 1: 2}
    assert await stock_counts(shop, city, 2) == (50, 1)
    assert (await shop.payment(order)).status is PaymentStatus.AUTHORIZED
    await confirm_change(shop, requested)
    await shop.settle(order)
    changed = await shop.order(order)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.APPLIED
    assert changed.total_minor == requested.total_minor
    assert await units(shop, order) == {0: 3, 1: 2, 2: 1}
    assert sorted(line.quantity for line in await pick_list(shop, order)) == [1, 2, 3]
    assert await stock_counts(shop, city, 0) == (47, 0)
    assert await stock_counts(shop, city, 2) == (49, 0)
    assert await unexplained_stock(shop.database, city) == []
    await shop.settle(order)
    old, new = await shop.attempts(order)
    assert (old.status, old.is_current) == (PaymentStatus.VOIDED, False)
    assert (new.status, new.is_current) == (PaymentStatus.AUTHORIZED, True)
    assert new.authorized_amount_minor == changed.total_minor + changed.authorization_buffer_minor


async def test_a_change_that_is_not_paid_expires(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    assert await stock_counts(shop, city, 0) == (48, 1)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        past = text(
            "update order_change set payment_due_at = now() - interval '1 s' where id = :key"
        )
        await session.execute(past, {"key": requested.id})
    await order_jobs.expire_order_changes(shop.database, shop.payments)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.EXPIRED
    assert await units(shop, order) == {0: 2, 1: 2}
    assert await stock_counts(shop, city, 0) == (48, 0)
    assert [one.status for one in await shop.attempts(order)] == [
        PaymentStatus.AUTHORIZED,
        PaymentStatus.VOIDED,
    ]
    assert (await shop.order(order)).pending_change_id is None


async def test_the_sweeper_leaves_the_units_of_a_pending_change(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """They are reserved under the change's id, not an order's: no abandoned checkout."""
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        old = text("update hold set created_at = now() - interval '2 min' where order_id = :key")
        await session.execute(old, {"key": requested.id})
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await reservations.expire(session, [requested.id])
    assert await shop.reservation_statuses(Order(id=requested.id)) == {HoldStatus.HELD}


@pytest.mark.parametrize("event", ["packed", "canceled", "rejected"])
async def test_a_later_step_overtakes_a_pending_change(
    shop: Shop, city: City, buyer: Actor, event: str
) -> None:
    """Change v pack, v cancel, v reroute: the change ends, its units and its money come back."""
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    if event == "packed":
        fulfillment, staff = await accept_task(dependencies(shop), city, order)
        await pick_and_pack(dependencies(shop), fulfillment, staff)
    elif event == "canceled":
        await cancel(shop, buyer, order.id)
    else:
        (task,) = await fulfillments_of(shop.database, order)
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            due = text(
                "update fulfillment set next_step_due_at = now() - interval '1 s' where id = :key"
            )
            await session.execute(due, {"key": task.id})
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            assert await rerouting.time_out(session, task.id)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.WITHDRAWN
    await confirm_change(shop, requested)  # the customer's app is too late
    await shop.settle(order)
    await shop.settle(order)
    late = (await shop.attempts(order))[1]
    assert (late.status, late.captured_amount_minor) == (PaymentStatus.VOIDED, 0)
    assert (await stock_counts(shop, city, 0))[1] == 0
    assert await unexplained_stock(shop.database, city) == []


async def test_what_is_picked_stays(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer, 4)
    fulfillment, staff = await accept_task(dependencies(shop), city, order)
    line = (await pick_list(shop, order))[0]
    pick = LinePick(line.quantity, line.id)
    await run_step(shop.database, staff, fulfillment, picking.pick_line, pick=pick)
    number = [product_id(city, 0), product_id(city, 1)].index(line.product_id)
    problem = await refusal(shop, buyer, order, lines=lines(city, **{f"p{1 - number}": 4}))
    assert isinstance(problem, LineAlreadyPicked)
    assert problem.product_id == line.product_id
    await change(shop, buyer, order, lines=lines(city, **{f"p{number}": 4}))
    assert await units(shop, order) == {0: 4}


async def test_more_of_a_found_line_opens_it_again(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer)
    fulfillment, staff = await accept_task(dependencies(shop), city, order)
    for line in await pick_list(shop, order):
        pick = LinePick(line.quantity, line.id)
        await run_step(shop.database, staff, fulfillment, picking.pick_line, pick=pick)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    await confirm_change(shop, requested)
    await shop.settle(order)
    statuses = {line.product_id: line.status for line in await pick_list(shop, order)}
    assert statuses[product_id(city, 0)] is FulfillmentLineStatus.PENDING
    assert statuses[product_id(city, 1)] is FulfillmentLineStatus.FOUND


async def test_a_line_picked_before_the_payment_keeps_the_order_as_it_was(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Fewer of one, more of another; the picker has all of the first before the card is charged."""
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=1, p1=9))
    fulfillment, staff = await accept_task(dependencies(shop), city, order)
    for line in await pick_list(shop, order):
        pick = LinePick(line.quantity, line.id)
        await run_step(shop.database, staff, fulfillment, picking.pick_line, pick=pick)
    await confirm_change(shop, requested)
    await shop.settle(order)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.WITHDRAWN
    assert await units(shop, order) == {0: 2, 1: 2}
    await shop.settle(order)
    assert (await shop.attempts(order))[1].status is PaymentStatus.VOIDED


async def test_note_tip_and_address_reach_the_rider(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer)
    await accept_task(dependencies(shop), city, order)
    await change(shop, buyer, order, address_line="Rua Nova 7", delivery_instructions="Ring twice")
    delivery: Delivery = await delivery_of(shop.database, order)
    assert (delivery.address_line, delivery.delivery_instructions) == ("Rua Nova 7", "Ring twice")
    requested = await change(shop, buyer, order, tip_minor=300)
    assert requested.status is OrderChangeStatus.AWAITING_PAYMENT
    await confirm_change(shop, requested)
    await shop.settle(order)
    assert (await shop.order(order)).tip_minor == 300


async def test_typed_refusals(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer)
    stock = await refusal(shop, buyer, order, lines=lines(city, p0=99, p1=2))
    assert isinstance(stock, InsufficientStock)
    assert 0 < stock.available <= 50
    price = await refusal(shop, buyer, order, lines=lines(city, p0=3, p1=2), expected_total_minor=1)
    assert isinstance(price, TotalChanged)
    version = await refusal(shop, buyer, order, tip_minor=1, expected_version=order.version - 1)
    assert isinstance(version, VersionConflict)
    assert (await shop.order(order)).version == order.version
    await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    assert isinstance(await refusal(shop, buyer, order, tip_minor=1), InvalidTransition)


async def test_of_two_changes_at_once_one_is_made(shop: Shop, city: City, buyer: Actor) -> None:
    order = await paid_order(shop, city, buyer)
    wanted = (lines(city, p0=1, p1=2), lines(city, p0=2, p1=1))
    results = await asyncio.gather(
        *(change(shop, buyer, order, order.version, lines=one) for one in wanted),
        return_exceptions=True,
    )
    refused = [one for one in results if isinstance(one, DomainError)]
    assert len(refused) == 1
    assert sum((await units(shop, order)).values()) == 3
    assert await unexplained_stock(shop.database, city) == []


async def test_a_lost_authorization_ends_a_pending_change(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    intent = await shop.intent(order)
    await shop.sandbox.store.post(f"/v1/payment_intents/{intent.id}/cancel")
    await shop.settle(order)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.WITHDRAWN
    assert (await shop.payment(order)).status is PaymentStatus.INITIATED
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
