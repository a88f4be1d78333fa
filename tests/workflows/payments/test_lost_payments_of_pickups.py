"""The payment of an order that waits for its customer in the store is lost."""

from typing import Any

import pytest
from sqlalchemy import text, update

from database.scope import PLATFORM
from jobs import fulfillment as fulfillment_jobs
from jobs import orders as order_jobs
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import FulfillmentMethod, Order, OrderStatus
from models.payments import PaymentStatus
from models.stores import Store
from models.support import TicketStatus
from services.carts.baskets import OrderRequest, RequestedLine
from services.fulfillment import fulfillments
from services.payments import stuck
from tests.support.city import City
from tests.support.customers import ORIGIN, product_id
from tests.support.order_steps.lost_authorizations import dependencies, lose_authorization
from tests.support.paid_orders import fulfillments_of
from tests.support.payments import Shop
from tests.support.payments.settlement import OfflinePayments, cases_of, try_as_scheduled
from tests.support.riders import pick_and_pack
from tests.support.store_staff import accept_task, make_overdue, run_step

OFFLINE: Any = OfflinePayments()
READY = FulfillmentStatus.READY_FOR_PICKUP


async def ready_order(shop: Shop, city: City, buyer: Actor) -> Order:
    """An order that waits in the store for its customer; its capture is not made yet."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        near = update(Store).where(Store.id == city.near.id)
        await session.execute(near.values(pickup_enabled=True))
    wanted = (RequestedLine(product_id(city, 0), 4), RequestedLine(product_id(city, 1), 2))
    method, store_id = FulfillmentMethod.PICKUP, city.near.id
    order = await shop.buy(buyer, OrderRequest(method=method, store_id=store_id, lines=wanted))
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    task, staff = await accept_task(dependencies(shop), city, order)
    await pick_and_pack(dependencies(shop), task, staff)
    task = await task_of(shop, order)
    if task.status is FulfillmentStatus.PACKED:
        await run_step(shop.database, staff, task, fulfillments.stage)
    return await shop.order(order)


@pytest.fixture
async def pickup(shop: Shop, city: City, buyer: Actor) -> Order:
    """An order that waits in the store, and whose authorization has ended at the provider."""
    order = await ready_order(shop, city, buyer)
    await lose_authorization(shop, order)
    order = await shop.order(order)
    assert order.payment_due_at is not None
    return order


async def task_of(shop: Shop, order: Order) -> Fulfillment:
    (task,) = await fulfillments_of(shop.database, order)
    return task


async def pass_pickup_time(shop: Shop, order: Order) -> None:
    """Let the time end in which the customer may collect the order, and run its job."""
    await make_overdue(shop.database, await task_of(shop, order))
    await fulfillment_jobs.end_uncollected_pickups(shop.database)


async def test_a_pickup_that_nobody_may_hand_over_does_not_end_as_uncollected(
    shop: Shop, pickup: Order
) -> None:
    """The provider is out: the customer stands in the store and can't confirm the payment again.

    The order ended as not collected, although nobody was allowed to hand it over. Now it waits, and
    once the payment is renewed the customer has the store's waiting time again.
    """
    for _ in range(2):
        await pass_pickup_time(shop, pickup)
        assert await order_jobs.cancel_unpaid_orders(shop.database, OFFLINE) == 0
    waiting, task = await shop.order(pickup), await task_of(shop, pickup)
    assert (waiting.status, task.status) == (OrderStatus.CONFIRMED, READY)
    await shop.settle(pickup)
    await shop.pay(pickup)
    renewed, task = await shop.order(pickup), await task_of(shop, pickup)
    assert (renewed.status, renewed.payment_due_at, task.status) == (
        OrderStatus.CONFIRMED,
        None,
        READY,
    )
    assert task.next_step_due_at == renewed.pickup_due_at
    assert await fulfillment_jobs.end_uncollected_pickups(shop.database) == 0
    (event,) = [body for name, body in (await shop.events(pickup))[-3:] if "READY_FOR" in name]
    assert event["fulfillment_id"] == str(task.id)


async def test_a_pickup_whose_payment_nobody_renews_ends_by_the_deadline_of_the_payment(
    shop: Shop, pickup: Order
) -> None:
    """The provider answers, and the customer does not pay: the bags go back to the shelves."""
    await shop.settle(pickup)
    await pass_pickup_time(shop, pickup)
    assert (await shop.order(pickup)).status is OrderStatus.CONFIRMED
    overdue = text("update \"order\" set payment_due_at = now() - interval '1 s' where id = :key")
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(overdue, {"key": pickup.id})
    await order_jobs.cancel_unpaid_orders(shop.database, shop.payments)
    ended, task = await shop.order(pickup), await task_of(shop, pickup)
    assert (ended.status, task.status) == (OrderStatus.CANCELED, FulfillmentStatus.CANCELED)
    assert task.put_back_is_open


async def test_an_uncollected_pickup_ends_in_an_outage_and_its_money_is_given_back_after_it(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Nobody comes, which the provider has no part in: the order ends, the release is tried again.

    Support sees it as a case until the provider has released the money.
    """
    order = await ready_order(shop, city, buyer)
    await pass_pickup_time(shop, order)
    ended, task = await shop.order(order), await task_of(shop, order)
    assert (ended.status, task.status) == (OrderStatus.CANCELED, FulfillmentStatus.NOT_COLLECTED)
    await try_as_scheduled(shop, order, OFFLINE, times=stuck.STUCK_AFTER_TRIES)
    payment = await shop.payment(order)
    assert (payment.status, payment.void_wanted) == (PaymentStatus.AUTHORIZED, True)
    assert payment.due_at is not None
    assert [case.status for case in await cases_of(shop, order)] == [TicketStatus.OPEN]
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).status is PaymentStatus.VOIDED
    assert [case.status for case in await cases_of(shop, order)] == [TicketStatus.RESOLVED]
