"""What the customer and the first store see of an order that moved to another store."""

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.counting import StockCount, StockCountLine
from models.events import Event
from models.fulfillment import Fulfillment, FulfillmentRejectReason
from models.identity import Actor
from models.orders import Order
from models.stock import StockMovement, StockMovementReason
from services.core.problems import InvalidInput, NotFound
from services.delivery import deliveries
from services.events.event_log import order_stream
from services.fulfillment import fulfillments, give_back, missing_products, rerouting
from services.stock.receiving import StockReceiptLine
from services.stores.delivery_estimates import estimate_delivery
from tests.support import riders
from tests.support.city import City
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
)
from tests.support.stock.batches import batches_of, day, receive
from tests.support.store_staff import on_hand, refusal_of_step, run_step

OUT_OF_STOCK = FulfillmentRejectReason.OUT_OF_STOCK


async def queued_order(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor]:
    """A paid order in the queue of the nearest store, and one of its staff."""
    order = await place_paid_order(dependencies, city)
    (task,) = await fulfillments_of(dependencies.database, order)
    return order, task, await create_picker(dependencies.database, city.near)


async def counted_products(database: Database, city: City) -> set[int]:
    """The products of the nearest store that are in an active count, by their position."""
    async with database.read(PLATFORM) as session:
        statement = select(StockCountLine.product_id).join(
            StockCount, StockCount.id == StockCountLine.count_id
        )
        statement = statement.where(StockCount.store_id == city.near.id, StockCountLine.live)
        counted = set(await session.scalars(statement))
    return {index for index, product in enumerate(city.products) if product.id in counted}


async def test_a_rerouted_order_has_the_estimate_of_its_new_store(
    dependencies: OrderDependencies, city: City
) -> None:
    """The nearest store rejects an order, and one that is much farther away gets it.

    The distance changed and the promise did not: the customer waited for a rider who could not
    come in that time, and was never told.
    """
    database = dependencies.database
    order, task, staff = await queued_order(dependencies, city)
    busy = FulfillmentRejectReason.TOO_BUSY
    await run_step(database, staff, task, rerouting.reject, reason=busy)
    moved = await reload_order(database, order)
    assert moved.dropoff_distance_meters > order.dropoff_distance_meters
    assert moved.promised_at > order.promised_at
    expected = estimate_delivery(
        distance_m=moved.dropoff_distance_meters,
        preparation_seconds=city.next.preparation_seconds,
        fee_minor=0,
        currency=order.currency,
        now=moved.promised_at,
    )
    promise = (moved.promise_p50_seconds, moved.promise_p90_seconds)
    assert promise == (expected.p50_seconds, expected.p90_seconds)
    assert promise > (order.promise_p50_seconds, order.promise_p90_seconds)
    async with database.read(PLATFORM) as session:
        statement = select(Event.body).where(Event.stream == order_stream(order.id))
        told = await session.scalar(statement.where(Event.type == "ORDER_REROUTED"))
    assert told is not None
    assert (told["promise_p50_seconds"], told["promise_p90_seconds"]) == promise
    assert (told["distance_m"], told["store_id"]) == (
        moved.dropoff_distance_meters,
        str(city.next.id),
    )


async def test_the_first_store_forgets_who_the_customer_is(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store that gave a task back loses the order: it kept name, address, place and note."""
    database = dependencies.database
    order, task, staff, _ = await riders.accepted_order(dependencies, city)
    assert task.customer_name
    await run_step(database, staff, task, give_back.give_back)
    await run_step(database, staff, task, rerouting.reject, reason=FulfillmentRejectReason.CLOSING)
    first, second = await fulfillments_of(database, order)
    assert (first.customer_name, second.customer_name) == ("", order.customer_name)
    ride = await riders.delivery_of(database, order)
    assert ride.store_id == city.near.id
    assert (ride.customer_name, ride.address_line, ride.delivery_instructions) == ("", "", "")
    assert (ride.latitude, ride.longitude) == (0.0, 0.0)
    picker = await create_picker(database, city.next)
    await run_step(database, picker, second, fulfillments.accept)
    async with database.read(PLATFORM) as session:
        open_ride = await deliveries.open_delivery(session, order.id)
    assert open_ride is not None
    assert (open_ride.store_id, open_ride.address_line) == (city.next.id, order.address_line)


async def test_products_that_a_store_rejects_as_out_of_stock_are_off_sale_and_counted_there(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store says that it has no bread left, and the next order for bread goes there again.

    All units were put back on sale in the store that had just said that it lacks them.
    """
    database, bread = dependencies.database, city.products[1].id
    await receive(database, city.near, StockReceiptLine(bread, 4, "soon", day(2)))
    _, task, staff = await queued_order(dependencies, city)
    line = next(one for one in await lines_of(database, task) if one.product_id == bread)
    missing = {"reason": OUT_OF_STOCK, "missing_line_ids": [line.id]}
    await run_step(database, staff, task, missing_products.reject, **missing)
    assert await on_hand(database, city.near, city, 1) == 0
    assert (await batches_of(database, city.near, bread))["soon"][0] == 0
    assert await on_hand(database, city.near, city, 0) == 50
    assert await counted_products(database, city) == {1}
    assert await unexplained_stock(database, city) == []
    async with database.read(PLATFORM) as session:
        statement = select(StockMovement.on_hand_delta).where(
            StockMovement.reference == str(task.id)
        )
        short = await session.scalars(
            statement.where(StockMovement.reason == StockMovementReason.OUT_OF_STOCK)
        )
        assert sum(short) == -54
    following = await place_paid_order(dependencies, city, 9, (1,))
    assert following.store_id == city.next.id


async def test_without_named_lines_every_product_of_the_order_is_off_sale(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store rejects an order as out of stock without saying what it lacks, twice."""
    database = dependencies.database
    _, task, staff = await queued_order(dependencies, city)
    _, other_task, _ = await queued_order(dependencies, city)
    await run_step(database, staff, task, missing_products.reject, reason=OUT_OF_STOCK)
    for index in range(3):
        assert await on_hand(database, city.near, city, index) == 0
    await run_step(database, staff, other_task, missing_products.reject, reason=OUT_OF_STOCK)
    for index in range(3):
        assert await on_hand(database, city.near, city, index) == 0
    assert await counted_products(database, city) == {0, 1, 2}
    assert await unexplained_stock(database, city) == []


async def test_missing_lines_are_named_with_out_of_stock_only(
    dependencies: OrderDependencies, city: City
) -> None:
    """A client names lines of another order, or lines for a store that is only too busy."""
    database = dependencies.database
    _, task, staff = await queued_order(dependencies, city)
    _, other_task, _ = await queued_order(dependencies, city)
    own, foreign = [(await lines_of(database, one))[0].id for one in (task, other_task)]
    busy = {"reason": FulfillmentRejectReason.TOO_BUSY, "missing_line_ids": [own]}
    step = missing_products.reject
    assert isinstance(await refusal_of_step(database, staff, task, step, **busy), InvalidInput)
    lines = {"reason": OUT_OF_STOCK, "missing_line_ids": [foreign]}
    assert isinstance(await refusal_of_step(database, staff, task, step, **lines), NotFound)
