"""An order that its store rejects or does not accept in time moves to the next store, or ends."""

import asyncio

from database.scope import PLATFORM
from jobs import fulfillment as jobs
from models.fulfillment import FulfillmentRejectReason, FulfillmentStatus
from models.orders import OrderCancelReason, OrderStatus
from models.stock import StockMovementReason
from models.stores import Store, StoreStatus
from services.events.event_log import order_stream
from services.fulfillment import rerouting
from services.stock import movements
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    payment_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
)
from tests.support.store_staff import (
    event_types,
    make_overdue,
    on_hand,
    postpone_queued_tasks,
    run_step,
)


async def test_an_unanswered_order_moves_to_the_second_store(
    dependencies: OrderDependencies, city: City
) -> None:
    """Nobody in the first store looks at the screen: the paid order would wait there for ever."""
    database = dependencies.database
    await postpone_queued_tasks(database)
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    assert await jobs.time_out_acceptances(database) == 0
    await make_overdue(database, fulfillment)
    assert sum(await asyncio.gather(*(jobs.time_out_acceptances(database) for _ in range(3)))) == 1
    first, second = await fulfillments_of(database, order)
    assert (first.status, first.next_step_due_at) == (FulfillmentStatus.TIMED_OUT, None)
    assert (second.status, second.attempt_number) == (FulfillmentStatus.QUEUED, 2)
    assert second.store_id == city.next.id
    order_now = await reload_order(database, order)
    assert (order_now.store_id, order_now.status) == (city.next.id, OrderStatus.CONFIRMED)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 48
    assert await unexplained_stock(database, city) == []
    assert len(await lines_of(database, second)) == 3
    events = await event_types(database, order_stream(order.id))
    assert events[-3:] == ["FULFILLMENT_TIMED_OUT", "ORDER_REROUTED", "FULFILLMENT_QUEUED"]


async def test_without_a_second_store_a_rejected_order_is_canceled(
    dependencies: OrderDependencies, city: City
) -> None:
    """No other store reaches the address: the customer gets the money back and not silence."""
    database = dependencies.database
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Store, city.next.id)).status = StoreStatus.PAUSED
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    reason = FulfillmentRejectReason.TOO_BUSY
    rejected = await run_step(database, staff, fulfillment, rerouting.reject, reason=reason)
    assert (rejected.status, rejected.reject_reason) == (FulfillmentStatus.REJECTED, reason)
    order = await reload_order(database, order)
    canceled = (OrderStatus.CANCELED, OrderCancelReason.NO_STORE_AVAILABLE)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).void_wanted
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained_stock(database, city) == []


async def test_a_store_that_lacks_a_line_is_not_the_second_store(
    dependencies: OrderDependencies, city: City
) -> None:
    """The order would be rejected a second time, after the customer has waited once more."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        damaged = {city.products[1].id: 49}
        store = (city.next.id, city.company.id)
        assert not await movements.deduct(
            session, *store, damaged, StockMovementReason.DAMAGE, "", None
        )
    (fulfillment,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    reason = FulfillmentRejectReason.CLOSING
    await run_step(database, staff, fulfillment, rerouting.reject, reason=reason)
    assert (
        await reload_order(database, order)
    ).cancel_reason is OrderCancelReason.NO_STORE_AVAILABLE
    assert await unexplained_stock(database, city) == []


async def test_an_order_is_canceled_when_every_store_rejected_it(
    dependencies: OrderDependencies, city: City
) -> None:
    """A third store is left, but two have rejected: the order would wander about for an hour."""
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    reason = FulfillmentRejectReason.TOO_BUSY
    await run_step(
        database,
        await create_picker(database, city.near),
        fulfillment,
        rerouting.reject,
        reason=reason,
    )
    _, second = await fulfillments_of(database, order)
    assert (second.store_id, second.status) == (city.next.id, FulfillmentStatus.QUEUED)
    assert await on_hand(database, city.next, city, 0) == 48
    await run_step(
        database, await create_picker(database, city.next), second, rerouting.reject, reason=reason
    )
    assert len(await fulfillments_of(database, order)) == 2
    assert (
        await reload_order(database, order)
    ).cancel_reason is OrderCancelReason.NO_STORE_AVAILABLE
    assert await on_hand(database, city.near, city, 0) == 50
    assert await on_hand(database, city.next, city, 0) == 50
    assert await unexplained_stock(database, city) == []
