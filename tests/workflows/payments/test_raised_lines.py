"""A line that was found, and of which more is ordered then: some of its units are not picked."""

from collections.abc import Awaitable, Callable

import pytest

from database.scope import PLATFORM
from dataloaders.stock import suggested_batches_by_line
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentRejectReason,
    FulfillmentStatus,
)
from models.identity import Actor
from models.orders import Order
from services.fulfillment import fulfillments, give_back, picking, rerouting
from services.fulfillment.picking import LinePick
from services.stock.receiving import StockReceiptLine
from tests.support.checkout.change_steps import (
    change,
    confirm_change,
    dependencies,
    lines,
    paid_order,
    pick_list,
)
from tests.support.city import City
from tests.support.counting import counting_team
from tests.support.customers import ORIGIN, order_request, product_id
from tests.support.paid_orders import unexplained_stock
from tests.support.payments import Shop, cancel, stock_counts
from tests.support.stock.batches import day, receive
from tests.support.store_staff import (
    accept_task,
    make_overdue,
    put_back_everything,
    put_back_lines_of,
    run_step,
)

Raised = tuple[Order, Fulfillment, Actor]
End = Callable[[Shop, Actor, Raised], Awaitable[None]]


async def raised_order(shop: Shop, city: City, buyer: Actor, damaged: int = 0) -> Raised:
    """Two of two units are found, and the customer pays for a third one."""
    order = await paid_order(shop, city, buyer)
    task, staff = await accept_task(dependencies(shop), city, order)
    for line in await pick_list(shop, order):
        units = damaged if line.product_id == product_id(city, 0) else 0
        pick = LinePick(line.quantity, line.id, damaged=units)
        await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
    requested = await change(shop, buyer, order, lines=lines(city, p0=3, p1=2))
    await confirm_change(shop, requested)
    await shop.settle(order)
    line = await raised_line(shop, city, order)
    assert (line.status, line.quantity, line.picked_quantity) == (
        FulfillmentLineStatus.PENDING,
        3,
        2,
    )
    return order, task, staff


async def raised_line(shop: Shop, city: City, order: Order) -> FulfillmentLine:
    product = product_id(city, 0)
    return next(line for line in await pick_list(shop, order) if line.product_id == product)


async def cancel_it(shop: Shop, buyer: Actor, raised: Raised) -> None:
    await cancel(shop, buyer, raised[0].id)


async def reject_it(shop: Shop, _buyer: Actor, raised: Raised) -> None:
    _, task, staff = raised
    await run_step(shop.database, staff, task, give_back.give_back)
    reason = FulfillmentRejectReason.TOO_BUSY
    await run_step(shop.database, staff, task, rerouting.reject, reason=reason)


async def time_it_out(shop: Shop, _buyer: Actor, raised: Raised) -> None:
    _, task, staff = raised
    await run_step(shop.database, staff, task, give_back.give_back)
    await make_overdue(shop.database, task)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        assert await rerouting.time_out(session, task.id)


@pytest.mark.parametrize("end", [cancel_it, reject_it, time_it_out])
async def test_only_the_unit_that_nobody_picked_goes_on_sale_at_once(
    shop: Shop, city: City, buyer: Actor, end: End
) -> None:
    """The order ends before the third unit is picked: two units lie in the bag.

    All three went on sale at once, so that the two in the bag were sold to others too, and the
    put-back returned those two once more: 52 units of 50.
    """
    raised = await raised_order(shop, city, buyer)
    assert await stock_counts(shop, city, 0) == (47, 0)
    await end(shop, buyer, raised)
    assert await stock_counts(shop, city, 0) == (48, 0)
    assert await unexplained_stock(shop.database, city) == []
    put_back = await put_back_lines_of(shop.database, raised[1])
    assert {line.product_id: line.quantity for line in put_back}[product_id(city, 0)] == 2
    await put_back_everything(shop.database, raised[2], raised[1])
    assert await stock_counts(shop, city, 0) == (50, 0)
    assert await unexplained_stock(shop.database, city) == []


async def test_a_count_expects_the_third_unit_alone(shop: Shop, city: City, buyer: Actor) -> None:
    """47 are for sale, one more is still to be picked, and two are in the bag: 48 on the shelf.

    A count expected 50 of them, and its approval wrote the two in the bag off.
    """
    await raised_order(shop, city, buyer)
    async with counting_team(shop.database, city) as team:
        row = await team.start(0)
        await team.count(row, 0, 48)
        await team.submit(row)
        (line,) = await team.visible_lines(row)
        assert (line.expected, line.variance) == (48, 0)
        await team.approve(row)
    assert await stock_counts(shop, city, 0) == (47, 0)


async def test_batches_are_suggested_for_the_third_unit_alone(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A picker who has two of three was sent to batches for three."""
    order, _, _ = await raised_order(shop, city, buyer)
    receipt = StockReceiptLine(product_id(city, 0), 5, "soon", day(3))
    await receive(shop.database, city.near, receipt)
    line = await raised_line(shop, city, order)
    async with shop.database.read(PLATFORM) as session:
        ((suggestion,),) = await suggested_batches_by_line(session, [line.id])
    assert (suggestion.code, suggestion.quantity) == ("soon", 1)


async def test_a_task_with_units_in_its_bag_is_picked_when_it_is_taken_over(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The order has one line, which is raised after it was found, and its task is given back.

    Who accepted it then got a task in ACCEPTED, as if nobody had picked anything.
    """
    order = await shop.buy(buyer, order_request(city, 4, (0,)))
    await shop.pay(order)
    order = await shop.order(order)
    task, staff = await accept_task(dependencies(shop), city, order)
    (line,) = await pick_list(shop, order)
    pick = LinePick(4, line.id)
    await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
    requested = await change(shop, buyer, order, lines=lines(city, p0=5))
    await confirm_change(shop, requested)
    await shop.settle(order)
    await run_step(shop.database, staff, task, give_back.give_back)
    taken = await run_step(shop.database, staff, task, fulfillments.accept)
    assert taken.status is FulfillmentStatus.PICKING


async def test_a_replaced_damaged_unit_is_not_sold_again_with_the_third_unit(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A picker finds two and one damaged unit besides; then a third one is ordered and found.

    The damaged unit counted as one of the three as soon as they were ordered: its sale was undone
    in no book, and the next pick sold one more unit.
    """
    order, task, staff = await raised_order(shop, city, buyer, damaged=1)
    assert await stock_counts(shop, city, 0) == (46, 0)
    assert await unexplained_stock(shop.database, city) == []
    line = await raised_line(shop, city, order)
    pick = LinePick(3, line.id)
    await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
    assert await unexplained_stock(shop.database, city) == []
    await run_step(shop.database, staff, task, picking.pack, bags=1)
    assert await stock_counts(shop, city, 0) == (46, 0)
    assert await unexplained_stock(shop.database, city) == []


async def test_a_third_unit_that_is_not_found_is_the_damaged_one(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The same with two of three found: the missing unit is the damaged one, and none is lost."""
    order, task, staff = await raised_order(shop, city, buyer, damaged=1)
    line = await raised_line(shop, city, order)
    pick = LinePick(2, line.id)
    await run_step(shop.database, staff, task, picking.pick_line, pick=pick)
    assert (await raised_line(shop, city, order)).units.unfit == 1
    await run_step(shop.database, staff, task, picking.pack, bags=1)
    assert await stock_counts(shop, city, 0) == (47, 0)
    assert await unexplained_stock(shop.database, city) == []
