"""Picking and packing: found units are charged, missing ones are not."""

from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import (
    Fulfillment,
    FulfillmentAction,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderLine, OrderStatus
from models.stock import StockMovement, StockMovementReason
from services.core.problems import InvalidInput, InvalidTransition
from services.events.event_log import store_queue_stream
from services.fulfillment import fulfillments, picking
from services.fulfillment.picking import LinePick, ProductMismatch
from services.operations import documents
from tests.support.city import City
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    payment_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
    write_as,
)
from tests.support.store_staff import accept_task, event_types, on_hand, refusal_of_step, run_step

EVENTS = [
    "FULFILLMENT_QUEUED", "FULFILLMENT_ACCEPTED", "PICKING_STARTED", "LINE_PICKED",
    "LINE_SHORT", "LINE_SHORT", "FULFILLMENT_PACKED",
]  # fmt: skip


async def bags_on_documents(
    database: Database, staff: Actor, fulfillment: Fulfillment
) -> tuple[int, int]:
    """The number of bags of a fulfillment on its packing slip and on its store's manifest."""
    async with write_as(database, staff, fulfillment.company_id) as session:
        slip = await documents.read_packing_slip(
            session, actor=staff, fulfillment_id=fulfillment.id
        )
        manifest = await documents.read_manifest(
            session, actor=staff, store_id=fulfillment.store_id
        )
    [parcel_of_order] = [
        parcel for parcel in manifest.orders if parcel.order_code == fulfillment.order_code
    ]
    return slip.bags, parcel_of_order.bags


async def test_missing_units_are_not_charged(dependencies: OrderDependencies, city: City) -> None:
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    assert (fulfillment.status, fulfillment.store_id) == (FulfillmentStatus.QUEUED, city.near.id)
    await run_step(database, staff, fulfillment, fulfillments.accept)
    _, second, third = await lines_of(database, fulfillment)
    barcode = city.products[0].barcode
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(2, code=barcode))
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(1, second.id))
    problem = await refusal_of_step(database, staff, fulfillment, picking.pack, bags=1)
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == [FulfillmentAction.PICK_LINE, FulfillmentAction.GIVE_BACK]
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(0, third.id))
    packed = await run_step(database, staff, fulfillment, picking.pack, bags=2)
    assert (packed.status, packed.bag_count) == (FulfillmentStatus.PACKED, 2)
    found, partly_found, missing = await lines_of(database, fulfillment)
    assert found.status is FulfillmentLineStatus.FOUND
    short = FulfillmentLineStatus.SHORT
    assert (partly_found.status, partly_found.missing_quantity) == (short, 1)
    assert (missing.status, missing.missing_quantity) == (short, 2)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
        rows = select(OrderLine).where(OrderLine.order_id == order.id)
        order_lines = await session.scalars(rows.order_by(OrderLine.position))
        assert [line.packed_quantity for line in order_lines] == [2, 1, 0]
        row = {"store_id": city.near.id, "reason": StockMovementReason.PICK_SHORTAGE}
        delta = select(func.sum(StockMovement.on_hand_delta)).filter_by(**row)
        short_units = await session.scalar(delta)
    assert order.subtotal_minor == 2 * (199 + 299 + 399)
    goods, fees = 2 * 199 + 1 * 299, order.delivery_fee_minor + order.small_order_fee_minor
    assert payment.capture_wanted_minor == goods + fees + order.tip_minor
    assert short_units == -3
    assert await on_hand(database, city.near, city, 2) == 48
    assert await unexplained_stock(database, city) == []
    events = await event_types(database, store_queue_stream(city.near.id))
    assert [type_ for type_ in events if type_ in EVENTS] == EVENTS


async def test_a_complete_bag_costs_the_total_of_the_order(
    dependencies: OrderDependencies, city: City
) -> None:
    order = await place_paid_order(dependencies, city, 2, (3,))
    fulfillment, staff = await accept_task(dependencies, city, order)
    await run_step(
        dependencies.database, staff, fulfillment, picking.pick_line, pick=LinePick(2, code="P004")
    )
    await run_step(dependencies.database, staff, fulfillment, picking.pack, bags=3)
    assert await bags_on_documents(dependencies.database, staff, fulfillment) == (3, 3)
    await run_step(dependencies.database, staff, fulfillment, fulfillments.stage)
    async with dependencies.database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).capture_wanted_minor == order.total_minor


def test_a_discount_shrinks_with_the_goods_in_the_customers_favor() -> None:
    order = Order(
        subtotal_minor=1000, discount_minor=100, delivery_fee_minor=50, small_order_fee_minor=0,
        tip_minor=20, total_minor=970,
    )  # fmt: skip
    whole = [OrderLine(packed_quantity=10, unit_price_minor=100)]
    third = [OrderLine(packed_quantity=3, unit_price_minor=111)]
    assert picking.bag_total_minor(order, whole) == order.total_minor
    assert picking.bag_total_minor(order, third) == 333 - 34 + 50 + 20


async def test_an_empty_bag_cancels_the_order_and_voids_the_payment(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order = await place_paid_order(dependencies, city, 3, (4,))
    fulfillment, staff = await accept_task(dependencies, city, order)
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(0, code="P005"))
    packed = await run_step(database, staff, fulfillment, picking.pack, bags=1)
    assert packed.status is FulfillmentStatus.CANCELED
    order = await reload_order(database, order)
    canceled = (OrderStatus.CANCELED, OrderCancelReason.OUT_OF_STOCK)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.void_wanted
    assert payment.capture_wanted_minor is None
    assert await unexplained_stock(database, city) == []


async def test_a_wrong_barcode_is_refused_with_the_expected_code(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    fulfillment, staff = await accept_task(
        dependencies, city, await place_paid_order(dependencies, city)
    )
    first, *_ = await lines_of(database, fulfillment)
    for pick in (LinePick(2, first.id, "P002"), LinePick(2, code="P009")):
        problem = await refusal_of_step(database, staff, fulfillment, picking.pick_line, pick=pick)
        assert isinstance(problem, ProductMismatch)
        assert problem.expected == city.products[0].barcode
    for pick in (
        LinePick(3, first.id),
        LinePick(-1, first.id),
        LinePick(1),
        LinePick(1, code="a\0b"),
    ):
        problem = await refusal_of_step(database, staff, fulfillment, picking.pick_line, pick=pick)
        assert isinstance(problem, InvalidInput)
    for bags in (0, 21):
        for code in ("P001", "P002", "P003"):
            await run_step(
                database, staff, fulfillment, picking.pick_line, pick=LinePick(2, code=code)
            )
        problem = await refusal_of_step(database, staff, fulfillment, picking.pack, bags=bags)
        assert isinstance(problem, InvalidInput)
