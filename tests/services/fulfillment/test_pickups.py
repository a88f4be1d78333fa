"""Orders that customers collect from the store."""

import pytest
from sqlalchemy import delete, select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.delivery import Delivery
from models.fulfillment import (
    Fulfillment,
    FulfillmentRejectReason,
    FulfillmentStatus,
    PutBackReason,
)
from models.geo_point import Point
from models.identity import Grant, Role
from models.orders import (
    AgeCheckDocument,
    FulfillmentMethod,
    Order,
    OrderCancelReason,
    OrderStage,
    OrderStatus,
)
from models.payments import Refund
from models.stores import PickupUnavailableReason, StoreHours, StoreStatus
from services.carts.baskets import OrderRequest
from services.core.problems import (
    CommittedDomainError,
    DomainError,
    InvalidInput,
    InvalidTransition,
)
from services.events.event_log import order_stream, store_queue_stream
from services.fulfillment import pickups, rerouting
from services.orders.age_checks import ShownDocument
from services.orders.order_states import read_progress
from services.orders.stages import order_stage
from services.stores.pickup import PickupUnavailable
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.order_steps.pickup_steps import (
    COLLECTED,
    READY,
    change_store,
    give_code,
    pickup_request,
    place,
    staged_order,
)
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    create_picker,
    fulfillments_of,
    payment_of,
    reload_order,
    unexplained_stock,
)
from tests.support.store_staff import (
    event_types,
    make_overdue,
    on_hand,
    put_back_everything,
    refusal_of_step,
    run_step,
)


@pytest.fixture
async def city_with_pickup(database: Database, city: City) -> City:
    await change_store(database, city, pickup_enabled=True)
    return city


async def refusal(dependencies: OrderDependencies, request: OrderRequest) -> object:
    """The one problem of a request."""
    with pytest.raises(DomainError) as caught:
        await place(dependencies, request)
    (problem,) = caught.value.problems
    return problem


async def stage_of(database: Database, order: Order) -> OrderStage:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Order, order.id)
        return order_stage(await read_progress(session, row))


async def test_a_customer_collects_an_order_with_its_code(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """A customer orders for pickup, without address and fees, and collects it with the code."""
    database, city = dependencies.database, city_with_pickup
    order, task, staff = await staged_order(dependencies, city)
    assert (order.method, order.delivery_fee_minor) == (FulfillmentMethod.PICKUP, 0)
    assert (order.dropoff_distance_meters, order.address_line) == (0, "")
    assert order.promise_p50_seconds == city.near.preparation_seconds
    assert task.status is READY
    assert task.next_step_due_at == order.pickup_due_at
    assert await stage_of(database, order) is OrderStage.READY_FOR_PICKUP
    async with database.read(PLATFORM) as session:
        rides = await session.scalars(select(Delivery).where(Delivery.order_id == order.id))
        assert rides.all() == []
    collected = await give_code(database, staff, task, order.delivery_pin)
    assert (collected.status, collected.next_step_due_at) == (COLLECTED, None)
    done = await reload_order(database, order)
    assert done.status is OrderStatus.COMPLETED
    assert await stage_of(database, order) is OrderStage.DELIVERED
    for stream in (order_stream(order.id), store_queue_stream(city.near.id)):
        events = await event_types(database, stream)
        assert {"FULFILLMENT_READY_FOR_PICKUP", "FULFILLMENT_COLLECTED"} <= set(events)
    assert await unexplained_stock(database, city) == []


async def test_a_code_of_a_pickup_is_read_however_it_is_typed(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """Full-width digits, as a keyboard for Chinese or Japanese writes them, cost a try."""
    database = dependencies.database
    order, task, staff = await staged_order(dependencies, city_with_pickup)
    with pytest.raises(CommittedDomainError) as caught:
        await give_code(database, staff, task, "12 34 5")
    assert getattr(caught.value.problems[0], "attempts_remaining") == 5  # noqa: B009 - any problem
    typed = "".join(chr(ord("\uff10") + int(digit)) for digit in order.delivery_pin)
    assert (await give_code(database, staff, task, f" {typed}")).status is COLLECTED


async def test_restricted_products_are_collected_after_a_check_of_the_age_only(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """A customer collects beer: the bags stay in the store until an age check was passed."""
    database, city = dependencies.database, city_with_pickup
    order, task, staff = await staged_order(dependencies, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Fulfillment, task.id)).minimum_age = 18
    right = {"code": order.delivery_pin}
    problem = await refusal_of_step(database, staff, task, pickups.collect, **right)
    assert isinstance(problem, InvalidTransition)
    nothing = ShownDocument(AgeCheckDocument.NONE)
    await run_step(database, staff, task, pickups.check_age, shown=nothing)
    problem = await refusal_of_step(database, staff, task, pickups.collect, **right)
    assert isinstance(problem, InvalidTransition)
    card = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=True)
    other = await create_picker(database, city.near)
    await run_step(database, other, task, pickups.check_age, shown=card)
    assert (await give_code(database, staff, task, order.delivery_pin)).status is COLLECTED


@pytest.mark.leaves("Fulfillment.NOT_COLLECTED")
async def test_an_order_that_nobody_collects_is_refunded_and_put_back(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """The customer does not come within the store's time: full refund, and a put-back."""
    database, city = dependencies.database, city_with_pickup
    order, task, staff = await staged_order(dependencies, city)
    await jobs.end_uncollected_pickups(database)
    assert (await reload_order(database, order)).status is OrderStatus.CONFIRMED
    await make_overdue(database, task)
    await jobs.end_uncollected_pickups(database)
    ended = await reload_order(database, order)
    assert (ended.status, ended.cancel_reason) == (
        OrderStatus.CANCELED,
        OrderCancelReason.NOT_COLLECTED,
    )
    (left,) = await fulfillments_of(database, order)
    assert left.status is FulfillmentStatus.NOT_COLLECTED
    assert left.put_back_reason is PutBackReason.NOT_COLLECTED
    async with database.read(PLATFORM) as session:
        refund = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).one()
        assert refund.amount_minor == (await payment_of(session, order)).captured_amount_minor
    assert await on_hand(database, city.near, city, 0) == 48
    done = await put_back_everything(database, staff, left)
    assert done.status is FulfillmentStatus.PUT_BACK
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained_stock(database, city) == []


async def test_a_pickup_does_not_move_to_another_store(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """The chosen store rejects the order: another store is not where the customer goes."""
    database, city = dependencies.database, city_with_pickup
    order = await place(dependencies, pickup_request(city))
    await authorize(database, order)
    (task,) = await fulfillments_of(database, order)
    grant = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    (staff,) = await create_people(database, 1, grant)
    await run_step(database, staff, task, rerouting.reject, reason=FulfillmentRejectReason.TOO_BUSY)
    assert len(await fulfillments_of(database, order)) == 1
    assert (
        await reload_order(database, order)
    ).cancel_reason is OrderCancelReason.NO_STORE_AVAILABLE
    assert await unexplained_stock(database, city) == []


async def test_a_pickup_names_a_store_and_nothing_for_a_rider(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """A request mixes up the two ways to get an order."""
    point = Point(city_with_pickup.latitude, city_with_pickup.longitude)
    refused = [
        pickup_request(city_with_pickup, store_id=None),
        pickup_request(city_with_pickup, point=point),
        pickup_request(city_with_pickup, delivery_instructions="ring twice"),
        pickup_request(city_with_pickup, tip_minor=100),
        pickup_request(city_with_pickup, method=FulfillmentMethod.DELIVERY, point=point),
    ]
    for request in refused:
        assert isinstance(await refusal(dependencies, request), InvalidInput), request


async def test_a_pickup_needs_a_store_that_offers_it_and_is_open_until_it_is_ready(
    dependencies: OrderDependencies, city: City
) -> None:
    """A store without pickup, one that has paused, one that is closed."""
    database, request = dependencies.database, pickup_request(city)

    async def reason() -> PickupUnavailableReason:
        problem = await refusal(dependencies, request)
        assert isinstance(problem, PickupUnavailable)
        return problem.reason

    assert await reason() is PickupUnavailableReason.NOT_OFFERED
    await change_store(database, city, pickup_enabled=True, status=StoreStatus.PAUSED)
    assert await reason() is PickupUnavailableReason.PAUSED
    await change_store(database, city, status=StoreStatus.OPEN)
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(delete(StoreHours).where(StoreHours.store_id == city.near.id))
    assert await reason() is PickupUnavailableReason.CLOSED
