"""Picking and packing: what is found is charged, what is short is not."""

from collections.abc import AsyncIterator

import pytest
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
from models.orders import CancelReason, Order, OrderLine, OrderStatus
from models.stock import StockEntry, StockReason
from services.core.problems import IllegalStep, InvalidInput
from services.events.event_log import store_queue_stream
from services.fulfillment import fulfillments, picking
from services.fulfillment.picking import Pick, WrongProduct
from services.operations import documents
from tests.support.city import City
from tests.support.paid_orders import (
    Doors,
    fresh,
    lines,
    opened,
    paid,
    payment_of,
    picker,
    tasks,
    unexplained,
    working,
)
from tests.support.store_staff import accepted, on_hand, refused, step, told

EVENTS = [
    "FULFILLMENT_QUEUED", "FULFILLMENT_ACCEPTED", "PICKING_STARTED", "LINE_PICKED",
    "LINE_SHORT", "LINE_SHORT", "FULFILLMENT_PACKED",
]  # fmt: skip


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def bags_on_paper(database: Database, staff: Actor, task: Fulfillment) -> tuple[int, int]:
    """How many bags of a task its slip and its store's manifest tell of."""
    async with working(database, staff, task.company_id) as session:
        slip = await documents.slip(session, actor=staff, fulfillment_id=task.id)
        waiting = await documents.manifest(session, actor=staff, store_id=task.store_id)
    [mine] = [one for one in waiting.parcels if one.order_code == task.order_code]
    return slip.bags, mine.bags


async def test_what_is_short_is_not_charged(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    staff = await picker(database, city.near)
    assert (task.status, task.store_id) == (FulfillmentStatus.QUEUED, city.near.id)
    await step(database, staff, task, fulfillments.accept)
    _, second, third = await lines(database, task)
    barcode = city.products[0].barcode
    await step(database, staff, task, picking.pick_line, pick=Pick(2, code=barcode))
    await step(database, staff, task, picking.pick_line, pick=Pick(1, second.id))
    reason = await refused(database, staff, task, picking.pack, bags=1)
    assert isinstance(reason, IllegalStep)
    assert reason.legal == [FulfillmentAction.PICK_LINE]
    await step(database, staff, task, picking.pick_line, pick=Pick(0, third.id))
    done = await step(database, staff, task, picking.pack, bags=2)
    assert (done.status, done.bags) == (FulfillmentStatus.PACKED, 2)
    found, some, none = await lines(database, task)
    assert found.status is FulfillmentLineStatus.FOUND
    assert (some.status, some.missing_quantity) == (FulfillmentLineStatus.SHORT, 1)
    assert (none.status, none.missing_quantity) == (FulfillmentLineStatus.SHORT, 2)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
        rows = select(OrderLine).where(OrderLine.order_id == order.id)
        packed = await session.scalars(rows.order_by(OrderLine.position))
        assert [line.packed_quantity for line in packed] == [2, 1, 0]
        short = await session.scalar(
            select(func.sum(StockEntry.delta)).where(
                StockEntry.store_id == city.near.id, StockEntry.reason == StockReason.SHORT
            )
        )
    goods = 2 * 199 + 1 * 299
    assert order.items_minor == 2 * (199 + 299 + 399)
    fees = order.delivery_fee_minor + order.small_order_fee_minor
    assert payment.capture_wanted_minor == goods + fees + order.tip_minor
    assert short == -3
    assert await on_hand(database, city.near, city, 2) == 48
    assert await unexplained(database, city) == []
    seen = await told(database, store_queue_stream(city.near.id))
    assert [one for one in seen if one in EVENTS] == EVENTS


async def test_a_full_bag_is_worth_the_total(doors: Doors, city: City) -> None:
    order = await paid(doors, city, 2, (3,))
    task, staff = await accepted(doors, city, order)
    await step(doors.database, staff, task, picking.pick_line, pick=Pick(2, code="P004"))
    await step(doors.database, staff, task, picking.pack, bags=3)
    assert await bags_on_paper(doors.database, staff, task) == (3, 3)
    await step(doors.database, staff, task, fulfillments.stage)
    async with doors.database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).capture_wanted_minor == order.total_minor


def test_a_discount_shrinks_with_the_goods_in_the_customers_favor() -> None:
    order = Order(
        items_minor=1000, discount_minor=100, delivery_fee_minor=50, small_order_fee_minor=0,
        tip_minor=20, total_minor=970,
    )  # fmt: skip
    whole = [OrderLine(packed_quantity=10, unit_price_minor=100)]
    third = [OrderLine(packed_quantity=3, unit_price_minor=111)]
    assert picking.worth(order, whole) == order.total_minor
    assert picking.worth(order, third) == 333 - 34 + 50 + 20


async def test_an_empty_bag_cancels_the_order_and_lets_the_money_go(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order = await paid(doors, city, 3, (4,))
    task, staff = await accepted(doors, city, order)
    await step(database, staff, task, picking.pick_line, pick=Pick(0, code="P005"))
    done = await step(database, staff, task, picking.pack, bags=1)
    assert done.status is FulfillmentStatus.CANCELED
    order = await fresh(database, order)
    canceled = (OrderStatus.CANCELED, CancelReason.OUT_OF_STOCK)
    assert (order.status, order.cancel_reason) == canceled
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.void_wanted
    assert payment.capture_wanted_minor is None
    assert await unexplained(database, city) == []


async def test_a_wrong_barcode_says_what_to_look_for(doors: Doors, city: City) -> None:
    database = doors.database
    task, staff = await accepted(doors, city, await paid(doors, city))
    first, *_ = await lines(database, task)
    for pick in (Pick(2, first.id, "P002"), Pick(2, code="P009")):
        reason = await refused(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(reason, WrongProduct)
        assert reason.expected == city.products[0].barcode
    for pick in (Pick(3, first.id), Pick(-1, first.id), Pick(1), Pick(1, code="a\0b")):
        reason = await refused(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(reason, InvalidInput)
    for bags in (0, 21):
        for code in ("P001", "P002", "P003"):
            await step(database, staff, task, picking.pick_line, pick=Pick(2, code=code))
        reason = await refused(database, staff, task, picking.pack, bags=bags)
        assert isinstance(reason, InvalidInput)
